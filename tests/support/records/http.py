"""uvicorn inside a program that has other things to do."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import uvicorn


class HttpServer(uvicorn.Server):
    """Serves an ASGI application; signals are the program's."""

    def __init__(self, config: uvicorn.Config, *, address: str) -> None:
        super().__init__(config)
        self.address = address
        self._answers = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._answers.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @classmethod
    @asynccontextmanager
    async def listening(cls, application: Any, address: str) -> AsyncIterator[Self]:
        """One that answers at host:port; port 0 picks a free one. Raises OSError when the port is taken."""
        host, _, port = address.rpartition(":")
        with socket.create_server((host, int(port))) as listener:
            config = uvicorn.Config(application, log_config=None, access_log=False, lifespan="off")
            server = cls(config, address=f"{host}:{listener.getsockname()[1]}")
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await server._answers.wait()
                yield server
            finally:
                server.should_exit = True
                await serving
