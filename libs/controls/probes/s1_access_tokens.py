"""S1: access tokens are JWTs of at most 15 minutes, signed with rotating asymmetric keys that are published.

The keys come from the gateway, as any validator gets them; the token from session, which issues it as it does all
others, for nobody.
"""

import asyncio

from libs.controls.access_tokens import ACCESS_TOKEN, KEY_IDS, KeysUnreadable, judge_keys, judge_token, read_keys
from libs.controls.deployment import Deployment, Unreachable, examine, fetch
from libs.controls.examined import Examined, Finding, together
from wardenry.clock import Clock
from wardenry.errors.error import WardenryError
from wardenry.session.v1 import token_pb2, token_pb2_grpc

_JWKS = "/.well-known/jwks.json"
_SECONDS = 5.0


async def probe(deployment: Deployment, *, clock: Clock) -> Examined:
    """What keys are published, and what a token is like that the service issues now."""
    session, (published,) = await asyncio.gather(examine(deployment, "session", "S1"), fetch(deployment, [_JWKS]))
    token = session.exhibits[ACCESS_TOKEN].decode()
    known = frozenset(session.exhibits[KEY_IDS].decode().split())
    try:
        keys = read_keys(published)
    except KeysUnreadable as error:
        judged = [Examined(findings=(Finding(f"{deployment.gateway}{_JWKS}", str(error)),))]
    else:
        judged = [judge_token(token, keys, issuer=deployment.gateway), judge_keys(keys, known=known)]
    seen = Examined(facts=session.facts, findings=session.findings, unknown=session.unknown)
    return together([*judged, seen, await _introspected(deployment, token)])


async def _introspected(deployment: Deployment, token: str) -> Examined:
    """Whether session, too, knows that the token is nobody's: it must be good for nothing."""
    stub = token_pb2_grpc.TokenServiceStub(deployment.channel("session"))
    try:
        answer = await stub.Introspect(token_pb2.IntrospectRequest(token=token), timeout=_SECONDS)
    except WardenryError as error:
        raise Unreachable(f"session did not introspect the token: {error.message} ({error.reason_name})") from error
    if answer.active:
        return Examined(findings=(Finding("the token for nobody", "introspection calls it good"),))
    return Examined(facts=("introspection refuses it: its session is nobody's",))
