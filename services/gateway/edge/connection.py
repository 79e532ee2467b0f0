"""One HTTP/1.1 connection: a request's head is bounded in size and in time, before there is a request to be judged."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Largest head of a request, bytes: its line, headers and cookies. One workspace's cookies take about 2 KiB.
MAX_HEAD: Final = 64 * 1024
#: Seconds that a head may take from its first byte, and a connection without a request may stay.
HEAD_SECONDS: Final = 10.0


class HeadTooLarge(Exception):
    """The head of a request is larger than MAX_HEAD."""


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection, which by itself keeps a head of any size and waits for it for ever."""

    _began = False
    _received = 0
    _counted = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn declares it
        super().connection_made(transport)
        self._start_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # A field that has not ended yet is in the parser alone, and told to nobody.
        if self._began:
            self._received += len(data)
            if self._received > MAX_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._began, self._received, self._counted = True, 0, 0
        self._start_waiting()

    def on_url(self, url: bytes) -> None:
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._began = False
        self._stop_waiting()
        super().on_headers_complete()

    def _count(self, *parts: bytes) -> None:
        self._counted += sum(map(len, parts))
        if self._counted > MAX_HEAD:
            # The parser ends with it, and uvicorn answers 400 and closes.
            raise HeadTooLarge

    def _start_waiting(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._waited)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _waited(self) -> None:
        self._deadline = None
        self.transport.close()
