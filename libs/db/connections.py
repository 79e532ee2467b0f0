"""Connections, made when needed, lent to one borrower at a time and kept for the next."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

import asyncpg

from libs.db.errors import DatabaseUnavailable, translating

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

#: Seconds for which a connection may lie unused; and at each end of such a time the oldest one goes too, so that
#: what a back-end gathers over its life does not gather for ever.
IDLE_SECONDS = 300.0


class Connections:
    """At most `size` connections at a time.

    In the place of asyncpg's own pool: there a loan takes a task, two timers and a proxy, which cost more than a short
    statement does.
    """

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[Any]],
        size: int,
        patience: float,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """`connect` makes one; `patience` is how many seconds a borrower waits for one, connecting included."""
        self._connect = connect
        self._size = size
        self._patience = patience
        self._idle_seconds = idle_seconds
        #: Who borrows holds one. Nobody connects without one either, so there are never more connections than these.
        self._permits = asyncio.Semaphore(size)
        #: Nobody's; the one that came back last is lent next.
        self._idle: list[Connection] = []
        #: How many of them, from the first on, have lain there since the last look.
        self._untouched = 0
        #: All that are open, the oldest first.
        self._open: dict[Connection, None] = {}
        self._closing = False
        self._look = asyncio.get_running_loop().call_later(idle_seconds, self._close_unused)

    async def borrow(self) -> Connection:
        """A connection that is open and in no transaction, for this borrower alone until `give_back`.

        Raises DatabaseUnavailable, DatabaseRefused, and errors of the driver that are neither.
        """
        self._refuse_when_closing()
        if self._idle and not self._permits.locked():
            await self._permits.acquire()  # at once
            connection = self._take()
            if connection is not None:
                return connection
            self._permits.release()
        with translating():
            async with asyncio.timeout(self._patience):
                return await self._wait()

    def give_back(self, connection: Connection) -> None:
        """The loan is over. What is closed, or left inside a transaction, is not lent again."""
        if not connection.is_closed() and not connection.is_in_transaction():
            self._idle.append(connection)
        else:
            self._discard(connection)
        self._permits.release()

    async def close(self) -> None:
        """Lends no more, waits until everything was given back, and takes leave of the server. Cancelled, it cuts off
        whoever has not given back yet."""
        self._closing = True
        self._look.cancel()
        try:
            # Who waits for a permit is ahead of us, and is told that there is no connection to be had.
            for _ in range(self._size):
                await self._permits.acquire()
            for connection in tuple(self._open):
                with suppress(DatabaseUnavailable), translating():  # it is gone before us
                    await connection.close()
        finally:
            for connection in tuple(self._open):
                self._discard(connection)

    async def _wait(self) -> Connection:
        await self._permits.acquire()
        try:
            return self._take() or await self._made()
        except BaseException:
            self._permits.release()
            raise

    async def _made(self) -> Connection:
        self._refuse_when_closing()
        connection: Connection = await self._connect()
        self._open[connection] = None
        try:
            self._refuse_when_closing()
        except DatabaseUnavailable:
            self._discard(connection)
            raise
        return connection

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise DatabaseUnavailable("the pool is closing")

    def _take(self) -> "Connection | None":
        """An idle one that is not lost; None when there is none."""
        while self._idle and not self._closing:
            connection = self._idle.pop()
            self._untouched = min(self._untouched, len(self._idle))
            if not connection.is_closed():
                return connection
            self._discard(connection)
        return None

    def _close_unused(self) -> None:
        unused = set(self._idle[: self._untouched])
        oldest = next(iter(self._open), None)
        for connection in tuple(self._idle):
            if connection in unused or connection is oldest:
                self._idle.remove(connection)
                self._discard(connection)
        self._untouched = len(self._idle)
        self._look = asyncio.get_running_loop().call_later(self._idle_seconds, self._close_unused)

    def _discard(self, connection: Connection) -> None:
        self._open.pop(connection, None)
        discard(connection)


def discard(connection: Connection) -> None:
    """Closes the connection without a word to the server, whatever state it is in."""
    with suppress(asyncpg.InterfaceError):  # it is closed
        connection.terminate()
