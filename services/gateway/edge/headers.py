"""Response headers that every answer carries."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: No inline script or style, nothing from elsewhere, no frame, no plug-in (CSP level 3).
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
#: By name, both as they are sent.
_HEADERS = {
    b"content-security-policy": _CONTENT_SECURITY_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    # Not "no-referrer": with it browsers send `Origin: null` with our own forms (Fetch standard, section 3.2).
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
#: Two years: more than the year that preload lists ask for.
_STRICT_TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_NOT_STORED = (b"cache-control", b"no-store")


class SecurityHeaders:
    """ASGI middleware: puts the headers on every answer, errors included. Must stand around all that answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        strict = scope["scheme"] == "https" and _is_public_name(_host(scope))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                # ASGI has names in lower case.
                headers = [header for header in message["headers"] if header[0] not in _HEADERS]
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append(_NOT_STORED)
                if strict:
                    headers.append(_STRICT_TRANSPORT_SECURITY)
                message["headers"] = [*headers, *_HEADERS.items()]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1")
            return host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return ""


def _is_public_name(host: str) -> bool:
    # HSTS for localhost would break every other project on a developer's machine; for an address it has no effect
    # (RFC 6797 section 8.1.1).
    name = host.strip("[]").lower().rstrip(".")
    if not name or name == "localhost" or name.endswith(".localhost"):
        return False
    # IPv6, or what browsers read as an IPv4 address in any of its spellings: its last part is a number (WHATWG URL).
    return ":" not in name and re.fullmatch(r"\d+|0x[0-9a-f]*", name.rpartition(".")[2]) is None
