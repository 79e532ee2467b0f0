"""One transaction, bound to one context."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from libs.db.errors import translated

T = TypeVar("T")
Connection = PoolConnectionProxy  # what a pool lends


async def run(
    connection: "Connection[asyncpg.Record]", call: Callable[..., Awaitable[T]], query: str, *arguments: Any
) -> T:
    """One call of `connection`.

    A call that is cancelled leaves its reply on the way: the connection is closed at once, so that nobody can read
    that reply as the answer to the next question; so is one whose state the driver itself has lost. Raises
    `DatabaseUnavailable` for failures of the connection.
    """
    try:
        return await call(query, *arguments)
    except asyncio.CancelledError:
        discard(connection)
        raise
    except Exception as error:
        if isinstance(error, asyncpg.InternalClientError):
            discard(connection)
        raised = translated(error)
        if raised is None:
            raise
        raise raised from error


def discard(connection: "Connection[asyncpg.Record]") -> None:
    """Closes the connection without a word to the server, whatever state it is in; the pool makes a new one."""
    with suppress(asyncpg.InterfaceError):  # closed before: the pool has taken it back already
        connection.terminate()


class Transaction:
    """Statements of one open transaction. Values are parameters ($1, …), never text.

    Each method raises `DatabaseUnavailable` (libs.db.errors) when the connection is lost, a statement or a lock takes
    too long, or the database gives up a deadlock; other errors of a statement are asyncpg's.
    """

    def __init__(self, connection: "Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self.committed: list[Callable[[], None]] = []
        self._savepoints = 0

    def after_commit(self, tell: Callable[[], None]) -> None:
        """Calls `tell` once this has committed; not when the outcome of that is unknown. It must not raise."""
        self.committed.append(tell)

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        return await run(self.connection, self.connection.fetch, query, *arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        return await run(self.connection, self.connection.fetchrow, query, *arguments)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        return await run(self.connection, self.connection.fetchval, query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        return await run(self.connection, self.connection.execute, query, *arguments)

    async def executemany(self, query: str, arguments: Sequence[Sequence[Any]]) -> None:
        await run(self.connection, self.connection.executemany, query, arguments)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What happens inside is undone alone when it raises; the transaction goes on."""
        self._savepoints += 1
        name = f"savepoint_{self._savepoints}"
        await self.execute(f"SAVEPOINT {name}")
        try:
            yield
        except Exception:
            await self.execute(f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
            raise
        await self.execute(f"RELEASE SAVEPOINT {name}")
