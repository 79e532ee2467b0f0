"""Listens: HTTPS for everybody, and plain HTTP for this machine where the local profile says so."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from libs.rpc.server import ListenFailed
from services.gateway.edge.connection import BoundedConnection

#: Seconds that requests under way have to finish when the gateway drains.
_GRACE = 10
#: Connections at once; the next is answered 503 at once.
_MOST_CONNECTIONS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One address, and the certificate that it is served with; plain HTTP without one."""

    address: str
    certificate_file: Path | None = None
    key_file: Path | None = None


async def listen(app: ASGIApp, listeners: Sequence[Listener], *, stopping: asyncio.Event) -> None:
    """Serves `app` until `stopping` is set, then lets requests under way finish. Raises `ListenFailed`."""
    sockets = [_bound(listener.address) for listener in listeners]
    servers = [_Server(_config(app, listener)) for listener in listeners]
    tasks = [asyncio.ensure_future(server.serve([own])) for server, own in zip(servers, sockets, strict=True)]
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


class _Server(uvicorn.Server):
    """Leaves signals to the process: two servers in one must not both think that they own them."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # uvicorn's own is a generator of None
        yield


def _config(app: ASGIApp, listener: Listener) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        # Forwarded headers are ours to count (edge/client_address.py), never uvicorn's to believe.
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_GRACE,
        ssl_certfile=str(listener.certificate_file) if listener.certificate_file else None,
        ssl_keyfile=str(listener.key_file) if listener.key_file else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
        # TLS 1.2 is the least that the edge takes (claim E1), with forward secrecy and authenticated encryption alone.
        ssl_ciphers="ECDHE+AESGCM:ECDHE+CHACHA20",
    )


def _bound(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    try:
        return socket.create_server((host.strip("[]"), int(port)), backlog=1024, reuse_port=False)
    except OSError as error:
        raise ListenFailed(f"{address} cannot be listened on: {os.strerror(error.errno or 0)}.") from error
