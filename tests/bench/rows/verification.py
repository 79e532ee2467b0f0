"""T1: what the SDK adds to one signature when it verifies an access token, and what a remembered verdict costs."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.bench.measurement import Bench, Failed, Measurement, middle
from tests.support.issuer import ISSUER, Issuer
from wardenry.clock import SystemClock
from wardenry.keys import KeySet
from wardenry.memberships import MembershipSet
from wardenry.revocations import RevocationSet
from wardenry.verifier import TokenVerifier

_AUDIENCE = "wardenry"
#: Of the last quarter of an hour: what a validator of a cell with many people remembers.
_REMEMBERED = 10_000
_TOKENS = 200
#: The cached path is so short that the loop around it counts: each token's verdict is asked for so often.
_REPEATS = 50
_GOAL, _CACHED_GOAL = 1.1, 2.0


@dataclass(frozen=True, slots=True)
class Signed:
    """A token and what its signature is over."""

    text: str
    message: bytes
    signature: bytes


async def measure(bench: Bench) -> Sequence[Measurement]:
    """CPU time of this thread alone, in turns: the bare signature, the SDK without a verdict, with one."""
    issuer = Issuer()
    tokens = _tokens(issuer, _TOKENS)
    rounds: list[dict[str, float]] = []
    for _ in range(bench.count(25, 9)):
        validator = Validator(issuer)
        raw = _raw(issuer, tokens)
        uncached = await validator.time(tokens, repeats=1)
        rounds.append({"raw": raw, "uncached": uncached, "cached": await validator.time(tokens, repeats=_REPEATS)})
    figures = middle(rounds)
    bench.note(
        f"T1: {len(rounds)} rounds of {_TOKENS} tokens of {len(tokens[0].text)} characters; {_REMEMBERED:,} revocations"
        f" and as many changed memberships are remembered, the leases are fresh"
    )
    return [
        Measurement(
            id="T1",
            what="SDK verifies a token it has not seen",
            result=figures["uncached"],
            unit="µs CPU",
            limit=figures["raw"],
            against="Ed25519 verify of cryptography alone",
            goal=_GOAL,
            at_least=False,
            cpu_ms_per_op={"verifier": figures["uncached"] / 1000},
        ),
        Measurement(
            id="T1-cached",
            what="SDK verifies it again, revocations checked",
            result=figures["cached"],
            unit="µs CPU",
            limit=_CACHED_GOAL,
            against="the goal itself",
            goal=1.0,
            at_least=False,
            cpu_ms_per_op={"verifier": figures["cached"] / 1000},
        ),
    ]


def _tokens(issuer: Issuer, number: int) -> list[Signed]:
    now = int(datetime.now(UTC).timestamp())
    signed = []
    for _ in range(number):
        claims: dict[str, Any] = {"iat": now, "exp": now + 600, "auth_time": now - 60}
        claims |= {name: str(uuid4()) for name in ("sub", "sid", "jti", "wid")}
        text = issuer.token(**claims)
        message = text.rpartition(".")[0].encode()
        signed.append(Signed(text, message, issuer.key.sign(message)))
    return signed


class Validator:
    """A verifier that has the keys, remembers much, knows no token, and has just heard from both feeds."""

    def __init__(self, issuer: Issuer) -> None:
        clock = SystemClock()
        self._issuer = issuer
        self._keys = KeySet(fetch=self._fetch, clock=clock)
        self._revocations, self._memberships = RevocationSet(clock=clock), MembershipSet(clock=clock)
        for _ in range(_REMEMBERED):
            self._revocations.revoke_session(uuid4())
            self._memberships.raise_epoch(uuid4(), uuid4(), 1)
        self._verifier = TokenVerifier(
            issuer=ISSUER,
            keys=self._keys,
            revocations=self._revocations,
            memberships=self._memberships,
            introspect=self._introspect,
            clock=clock,
        )

    async def time(self, tokens: Sequence[Signed], *, repeats: int) -> float:
        """Microseconds that one verification takes. Raises Failed."""
        await self._keys.find(self._issuer.key_id)
        for lease in (self._revocations.lease, self._memberships.lease):
            lease.renew(lease.tick())
        verify = self._verifier.verify
        began = time.thread_time_ns()
        for _ in range(repeats):
            for token in tokens:
                await verify(token.text, audience=_AUDIENCE)
        return (time.thread_time_ns() - began) / 1000 / repeats / len(tokens)

    async def _fetch(self) -> str:
        return json.dumps({"keys": [self._issuer.jwk]})

    async def _introspect(self, _token: str) -> bool:
        raise Failed("the machine was so busy that a lease ran out: measure again")


def _raw(issuer: Issuer, tokens: Sequence[Signed]) -> float:
    """Microseconds that one signature takes."""
    verify = issuer.key.public_key().verify
    began = time.thread_time_ns()
    for token in tokens:
        verify(token.signature, token.message)
    return (time.thread_time_ns() - began) / 1000 / len(tokens)
