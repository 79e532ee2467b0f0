"""Check: for which person. After the peer, whose name may be the audience that the token must have."""

from typing import Protocol

from libs.rpc.rules import Rule
from wardenry.options.v1 import options_pb2
from wardenry.tokens import AUDIENCE, AccessToken


class Verifier(Protocol):
    """Judges access tokens: wardenry.verifier.TokenVerifier, or what a service has in its place."""

    async def verify(self, token: str, *, audience: str) -> AccessToken:
        """The token, verified and not revoked. Raises Unauthenticated, Unavailable."""
        ...


async def authenticate(verifier: Verifier, bearer: str, *, peer: str, rule: Rule) -> AccessToken:
    """The verified token of a USER call. Raises Unauthenticated, Unavailable."""
    audience = peer if rule.audience == options_pb2.TOKEN_AUDIENCE_PEER else AUDIENCE
    return await verifier.verify(bearer, audience=audience)
