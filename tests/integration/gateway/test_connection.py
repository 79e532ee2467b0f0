"""Heads of requests, over real connections."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.gateway.edge import connection
from services.gateway.edge.connection import MAX_HEAD
from services.gateway.edge.listeners import Listener, listen
from tests.support.events import eventually
from tests.support.ports import free_port

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


async def answer(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Of a listener that answers with the length of the body."""
    chosen, stopping = free_port(), asyncio.Event()
    app = Starlette(routes=[Route("/", answer, methods=["POST"])])
    serving = asyncio.create_task(listen(app, [Listener(address=f"127.0.0.1:{chosen}")], stopping=stopping))

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", chosen)
        except OSError:
            return False
        writer.close()
        return True

    await eventually(listens)
    yield chosen
    stopping.set()
    await serving


async def exchange(port: int, sent: bytes) -> bytes:
    """All that is answered until the connection is closed; nothing more is sent once it is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = bytearray()

    async def receive() -> None:
        try:
            while part := await reader.read(65536):
                answered.extend(part)
        except ConnectionError:
            pass  # closed while we were still sending

    receiving = asyncio.create_task(receive())
    try:
        for start in range(0, len(sent), 16 * 1024):
            writer.write(sent[start : start + 16 * 1024])
            await writer.drain()
    except ConnectionError:
        pass
    async with asyncio.timeout(60):
        await receiving
    writer.close()
    return bytes(answered)


@pytest.mark.parametrize(
    "rest",
    [
        b"X-One: " + b"a" * 4 * MAX_HEAD + b"\r\n\r\n",
        b"X-Never-Ending: " + b"a" * 4 * MAX_HEAD,
        b"".join(b"X-%d: a\r\n" % number for number in range(MAX_HEAD)) + b"\r\n",
    ],
    ids=["one large field", "one that does not end", "many small ones"],
)
async def test_a_large_head_is_refused_and_ends_the_connection(port: int, rest: bytes) -> None:
    assert (await exchange(port, HEAD + rest)).startswith(b"HTTP/1.1 400 ")


async def test_what_is_bounded_is_the_head_of_one_request(port: int) -> None:
    body = b"b" * 2 * MAX_HEAD
    request = HEAD + b"X-A: " + b"a" * (MAX_HEAD // 2) + b"\r\nContent-Length: %d\r\n" % len(body)
    last = request + b"Connection: close\r\n\r\n" + body

    answered = await exchange(port, request + b"\r\n" + body + last)

    assert answered.count(b"HTTP/1.1 200 ") == 2
    assert answered.count(str(len(body)).encode()) == 2


async def test_a_head_that_does_not_come_ends_the_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as soon:
        soon.setattr(connection, "HEAD_SECONDS", 0.1)
        assert await exchange(port, b"") == b""
        assert await exchange(port, HEAD) == b""
    assert b" 200 " in await exchange(port, HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
