"""`python -m tests.bench.clients.refresh`: refreshes, at session itself or as browsers do through the gateway."""

import asyncio
import hashlib
import json
import re
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc

from libs.events.client import Client
from libs.events.search_tags import device_fingerprint
from libs.rpc.client_details import metadata_of
from tests.bench.clients.loop import Answer, Command, Load, serve
from wardenry import base64url
from wardenry.channels import open_channel
from wardenry.credentials import TlsFiles
from wardenry.session.v1.token_pb2 import RefreshRequest
from wardenry.session.v1.token_pb2_grpc import TokenServiceStub

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
#: A route that needs a session and then finds nothing, without asking any service but for the refresh.
PATH = "/api/v1/requests/none"
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_REFRESH = re.compile(rb"set-cookie: __Host-refresh-[0-9a-f]{32}=([A-Za-z0-9_-]+)", re.IGNORECASE)
#: Seconds that an answer may take.
_PATIENCE = 10.0


@dataclass(slots=True)
class Browser:
    """What one person's browser holds."""

    refresh: str
    device_binding: bytes
    metadata: tuple[tuple[str, str], ...]
    #: The head of its request through the gateway, but for the refresh token.
    head: tuple[str, str]


def browser_of(person: dict[str, str], *, host: str, number: int) -> Browser:
    device, workspace = bytes.fromhex(person["device"]), UUID(person["workspace"]).hex
    address = f"198.51.{100 + number // 250 % 100}.{1 + number % 250}"
    # The cookie of an access token is gone when that has expired.
    cookies = f"__Host-device={base64url.encode(device)}"
    head = (
        f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: application/json\r\n"
        f"Cookie: {cookies}; __Host-refresh-{workspace}="
    )
    details = Client(address=address, agent=AGENT, device=device_fingerprint(device))
    return Browser(person["refresh"], hashlib.sha256(device).digest(), metadata_of(details), (head, "\r\n\r\n"))


class Clients:
    """All browsers; the longest unused one acts next."""

    def __init__(self, opened: Command) -> None:
        self._edge_address, self._edge_authority = opened["edge"], opened["edge_ca_file"]
        people = json.loads(Path(opened["people_file"]).read_text())
        host = f"localhost:{self._edge_address.rpartition(':')[2]}"
        self._idle = deque(browser_of(person, host=host, number=number) for number, person in enumerate(people))
        tls = TlsFiles(**{name: Path(path) for name, path in opened["tls"].items()})
        channel = open_channel(target=opened["session"], peer="session", tls=tls)
        self._tokens = TokenServiceStub(channel)
        self._lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __call__(self, command: Command) -> Answer:
        in_flight = int(command["in_flight"])
        once: Callable[[int], Awaitable[None]] = self._by_session
        if command["via"] == "gateway":
            while len(self._lines) < in_flight:
                self._lines.append(await self._connect())
            once = self._by_gateway
        return await Load().run(once, in_flight=in_flight, seconds=command["seconds"])

    async def _by_session(self, _loop: int) -> None:
        browser = self._idle.popleft()
        request = RefreshRequest(refresh_token=browser.refresh, device_binding=browser.device_binding)
        answer = await self._tokens.Refresh(request, metadata=browser.metadata, timeout=_PATIENCE)
        browser.refresh = answer.tokens.refresh_token
        self._idle.append(browser)

    async def _by_gateway(self, loop: int) -> None:
        browser = self._idle.popleft()
        reader, writer = self._lines[loop]
        before, after = browser.head
        writer.write(f"{before}{browser.refresh}{after}".encode())
        async with asyncio.timeout(_PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
        refreshed = _REFRESH.search(head)
        if refreshed is None:
            raise RuntimeError(f"the gateway did not refresh: {head[:40]!r} {body[:200]!r}")
        browser.refresh = refreshed[1].decode()
        self._idle.append(browser)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context(cafile=self._edge_authority)
        host, _, port = self._edge_address.rpartition(":")
        return await asyncio.open_connection(host, int(port), ssl=context, server_hostname="localhost")


async def open_client(opened: Command) -> Any:
    return Clients(opened)


if __name__ == "__main__":
    grpc.aio.init_grpc_aio()
    serve(open_client)
