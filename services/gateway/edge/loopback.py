"""The local HTTP listener has one name: a browser that came by a loopback address is sent to localhost.

Cookies and the origins of forms belong to a name. By an address pages would show, and each of their forms be refused.
"""

import ipaddress

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class LoopbackName:
    """ASGI middleware: redirects a GET or HEAD over plain HTTP from a loopback address to `origin`. Only that."""

    def __init__(self, app: ASGIApp, *, origin: str) -> None:
        """`origin` is where our own pages over plain HTTP come from: "http://localhost:8080"."""
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["scheme"] == "http"
            and scope["method"] in ("GET", "HEAD")
            and _is_loopback_address(Headers(scope=scope).get("host", ""))
        ):
            # As it was sent, not as it was decoded: the same path it must be.
            path = scope["raw_path"].decode("latin-1")
            query = scope["query_string"].decode("latin-1")
            # 308 (RFC 9110 section 15.4.9). Not to be kept: the port may be another service's tomorrow.
            response = RedirectResponse(
                f"{self._origin}{path}{'?' if query else ''}{query}", 308, {"Cache-Control": "no-store"}
            )
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_loopback_address(host: str) -> bool:
    """Whether a Host header names an address of this machine, with a port or without; false for every name."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
