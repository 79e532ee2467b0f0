"""An HTTPS server that answers what a test tells it, as the gateway would."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from wardenry.credentials import TlsFiles

#: An answer that comes a byte now and then, and never ends.
ENDLESS = b"endless"


@asynccontextmanager
async def https_server(tls: TlsFiles, answers: Mapping[str, bytes]) -> AsyncIterator[int]:
    """Answers GET by path, 404 for any other; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate_file, tls.key_file)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = answers.get(head.split(b" ")[1].decode())
        status = b"404 Not Found" if body is None else b"200 OK"
        length = b"1000000" if body is ENDLESS else str(len(body or b"")).encode()
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: " + length + b"\r\n\r\n")
        if body is ENDLESS:
            # Faster than any limit between two reads.
            while not writer.is_closing():
                writer.write(b".")
                await asyncio.sleep(0.1)
        writer.write(body or b"")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
