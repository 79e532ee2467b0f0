"""Requests as the server would hand them over."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.types import Message


def request(
    *,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: Sequence[tuple[str, str]] = (),
    client: tuple[str, int] | None = ("192.0.2.7", 50000),
    chunks: Sequence[bytes] = (b"",),
    then_silence: bool = False,
) -> Request:
    """A request whose body arrives in `chunks`; with `then_silence` more was announced and never comes."""
    left = list(chunks)

    async def receive() -> Message:
        if then_silence and not left:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": then_silence or bool(left)}

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": client,
        "server": ("localhost", 8443),
    }
    return Request(scope, receive)
