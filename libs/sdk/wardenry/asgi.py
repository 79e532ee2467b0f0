"""Protects an ASGI application: a verified token and a permission for every path, nothing for any other."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

import grpc

from wardenry.callers import SCOPE_KEY, entitled
from wardenry.errors.error import PermissionDenied, Unauthenticated, WardenryError
from wardenry.errors.v1 import reason_pb2
from wardenry.verifier import TokenVerifier

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_STATUS = {
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_POLICY_VIOLATION = 1008


class ProtectedApplication:
    """Middleware. Requests that no entry of `permissions` or `public` names are refused, as are web sockets."""

    def __init__(
        self,
        application: Application,
        *,
        verifier: TokenVerifier,
        audience: str,
        permissions: Mapping[str, str],
        public: Collection[str] = (),
    ) -> None:
        """`permissions`: "POST /invoices/{id}" → "record.write", a name in braces stands for one part of the path.
        Where two entries fit a path, the one that spells it out earlier counts, in whichever order they stand.
        `public`: "GET /health", open to everybody."""
        self._application = application
        self._verifier = verifier
        self._audience = audience
        self._public = frozenset(public)
        entries = [(*_parts(request), permission) for request, permission in permissions.items()]
        self._permissions = sorted(entries, key=lambda entry: [_is_name(part) for part in entry[1]])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        elif f"{scope['method']} {scope['path']}" in self._public:
            await self._application(scope, receive, send)
        else:
            try:
                protected = await self._checked(scope)
            except WardenryError as error:
                await _refuse(error, send)
            else:
                await self._application(protected, receive, send)

    async def _checked(self, scope: Scope) -> Scope:
        authorizations = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        if len(authorizations) > 1:
            raise Unauthenticated("There must be one access token.")
        permission = self._permission(scope["method"], scope["path"])
        if permission is None:
            raise PermissionDenied("Nobody may do this.", reason=reason_pb2.REASON_PERMISSION_DENIED)
        header = authorizations[0].decode("latin-1") if authorizations else ""
        caller = await entitled(self._verifier, header, audience=self._audience, permission=permission)
        return {**scope, SCOPE_KEY: caller}

    def _permission(self, method: str, path: str) -> str | None:
        asked = path.split("/")
        for known_method, parts, permission in self._permissions:
            if method == known_method and len(parts) == len(asked) and all(map(_matches, parts, asked)):
                return permission
        return None


def _parts(request: str) -> tuple[str, list[str]]:
    method, _, path = request.partition(" ")
    return method, path.split("/")


def _is_name(part: str) -> bool:
    return part.startswith("{") and part.endswith("}")


def _matches(known: str, asked: str) -> bool:
    return bool(asked) if _is_name(known) else known == asked


async def _refuse(error: WardenryError, send: Send) -> None:
    body = json.dumps({"error": {"reason": error.reason_name, "message": error.message}}).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if isinstance(error, Unauthenticated):
        headers.append((b"www-authenticate", b'Bearer error="invalid_token"'))
    if error.retry_after is not None:
        headers.append((b"retry-after", str(max(1, round(error.retry_after.total_seconds()))).encode()))
    await send({"type": "http.response.start", "status": _STATUS.get(error.code, 500), "headers": headers})
    await send({"type": "http.response.body", "body": body})
