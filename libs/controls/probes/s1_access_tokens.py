"""S1: access tokens are JWTs of at most 15 minutes, signed with rotating asymmetric keys that are published.

The keys come from the gateway, as any validator gets them; the token from session, which issues it as it does all
others, for nobody.
"""

import asyncio

from libs.controls.access_tokens import Key, KeysUnreadable, judge_keys, judge_token, read_keys
from libs.controls.deployment import Deployment, Unreachable, examine_or_unknown, fetch
from libs.controls.examined import Examined, Finding, together
from libs.controls.exhibits import ACCESS_TOKEN, KEY_IDS
from libs.controls.refusal import told
from wardenry.clock import Clock
from wardenry.errors.error import WardenryError
from wardenry.session.v1 import token_pb2, token_pb2_grpc

_JWKS = "/.well-known/jwks.json"
_SECONDS = 5.0


async def probe(deployment: Deployment, *, clock: Clock) -> Examined:
    """What keys are published, and what a token is like that the service issues now."""
    session, keys = await asyncio.gather(examine_or_unknown(deployment, "session", "S1"), _published(deployment))
    seen = Examined(facts=session.facts, findings=session.findings, unknown=session.unknown)
    token = session.exhibits.get(ACCESS_TOKEN)
    if isinstance(keys, Examined):
        return together([keys, seen])
    if token is None:
        silent = not (session.findings or session.unknown)
        return together([judge_keys(keys), seen, Examined(unknown=("session shows no token",) if silent else ())])
    known = frozenset(session.exhibits.get(KEY_IDS, b"").decode().split())
    judged = judge_token(token.decode(), keys, issuer=deployment.gateway)
    return together([judged, judge_keys(keys, known=known), seen, await _introspected(deployment, token.decode())])


async def _published(deployment: Deployment) -> list[Key] | Examined:
    """The keys as anybody gets them, or why there are none."""
    try:
        (published,) = await fetch(deployment, [_JWKS])
        return read_keys(published)
    except Unreachable as error:
        return Examined(unknown=(str(error),))
    except KeysUnreadable as error:
        return Examined(findings=(Finding(f"{deployment.gateway}{_JWKS}", str(error)),))


async def _introspected(deployment: Deployment, token: str) -> Examined:
    """Whether session, too, knows that the token is nobody's: it must be good for nothing."""
    stub = token_pb2_grpc.TokenServiceStub(deployment.channel("session"))
    try:
        answer = await stub.Introspect(token_pb2.IntrospectRequest(token=token), timeout=_SECONDS)
    except WardenryError as error:
        return Examined(unknown=(f"session did not introspect the token: {told(error)}",))
    if answer.active:
        return Examined(findings=(Finding("the token for nobody", "introspection calls it good"),))
    return Examined(facts=("introspection refuses it: its session is nobody's",))
