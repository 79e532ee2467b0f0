"""Who calls a protected service: a verified token and the permission that was checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wardenry.errors.error import PermissionDenied, Unauthenticated
from wardenry.errors.v1 import reason_pb2
from wardenry.permissions import allows
from wardenry.tokens import AccessToken
from wardenry.verifier import TokenVerifier

_SCHEME = "bearer "
#: Where ASGI middleware puts the caller into the scope.
SCOPE_KEY = "wardenry.caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person or machine, entitled to what it asks."""

    #: The verified token.
    token: AccessToken
    #: The token as presented, to call other services with on the caller's behalf. Never log it.
    bearer: str


class ProtectedContext:
    """What a gRPC handler behind the interceptor gets: gRPC's context, and the caller."""

    def __init__(self, *, caller: Caller, context: Any) -> None:
        self.caller = caller
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def caller_of(place: Any) -> Caller:
    """The caller, from a gRPC handler's context or an ASGI scope.

    Raises LookupError where nothing protected the call, so that a handler cannot run unprotected by mistake.
    """
    if isinstance(place, ProtectedContext):
        return place.caller
    if isinstance(place, dict) and isinstance(caller := place.get(SCOPE_KEY), Caller):
        return caller
    raise LookupError("this call is not protected")


def texts_of(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    """Metadata by name. What came twice is joined by a comma, as in HTTP (RFC 9110 section 5.3), and so never one of
    the two:
    whoever stands in between may have looked at the other."""
    texts: dict[str, str] = {}
    for name, value in metadata:
        if isinstance(value, str):
            texts[name] = f"{texts[name]}, {value}" if name in texts else value
    return texts


def bearer_of(authorization: str) -> str:
    """The token in `Bearer …` (RFC 6750 section 2.1). Raises Unauthenticated when there is none."""
    if not authorization.lower().startswith(_SCHEME):
        raise Unauthenticated("An access token is needed.")
    return authorization[len(_SCHEME) :]


async def entitled(verifier: TokenVerifier, authorization: str, *, audience: str, permission: str) -> Caller:
    """The caller behind an authorization header, if its role in the token's workspace holds the permission.

    Raises Unauthenticated, PermissionDenied, Unavailable.
    """
    bearer = bearer_of(authorization)
    token = await verifier.verify(bearer, audience=audience)
    if token.workspace is None:
        raise PermissionDenied("Choose a workspace first.", reason=reason_pb2.REASON_WORKSPACE_REQUIRED)
    if not allows(token.role, permission):
        raise PermissionDenied("Your role does not allow this.", metadata={"permission": permission})
    return Caller(token=token, bearer=bearer)
