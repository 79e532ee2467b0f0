"""Check: how often. After it is known for whom a call acts, for that is what it is counted by; before authorization,
since what that refuses may be written down.

`wardenry.options.v1.LimitClass` says which calls are counted by what.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from libs.cache.network import network_of
from libs.rpc.call import Call
from libs.rpc.rules import Rule, RuleInvalid
from wardenry.errors.error import ResourceExhausted
from wardenry.options.v1 import options_pb2
from wardenry.options.v1.options_pb2 import LimitClass


class Limit(Protocol):
    """Counts calls against a rate: libs.cache.limit.RateLimit."""

    async def take(self, key: str) -> timedelta | None:
        """Count a call of `key`. None when it is within the rate; else how long to wait."""
        ...


#: What counts the calls of a class.
Limits = Mapping[LimitClass.ValueType, Limit]

#: Every class that the interceptor counts.
COUNTED = frozenset(
    {options_pb2.LIMIT_CLASS_STANDARD, options_pb2.LIMIT_CLASS_AUTHENTICATION, options_pb2.LIMIT_CLASS_BULK}
)
#: What is counted by the command itself, or by nobody.
_NOT_COUNTED = frozenset({options_pb2.LIMIT_CLASS_COMMAND, options_pb2.LIMIT_CLASS_INTERNAL})


def require_limit(rule: Rule, limits: Limits) -> None:
    """Raises RuleInvalid for an RPC of a class that nothing would count."""
    if rule.limit_class not in _NOT_COUNTED and rule.limit_class not in limits:
        name = LimitClass.Name(rule.limit_class)
        raise RuleInvalid(f"{rule.method} is in the limit class {name}, which nothing counts here")


async def count(limit: Limit, call: Call) -> None:
    """Raises ResourceExhausted (REASON_RATE_LIMITED) beyond the rate."""
    wait = await limit.take(key_of(call))
    if wait is not None:
        raise ResourceExhausted("Too many requests. Try again later.", retry_after=wait)


def key_of(call: Call) -> str:
    """Whom a call counts for: the token's session in its workspace, else the client's network.

    The session and not its person: who has stolen a token cannot use up what its owner needs to end it.
    """
    token = call.token
    if token is None:
        return f"network {network_of(call.client.address)}"
    return f"session {token.session} {token.workspace or ''}"
