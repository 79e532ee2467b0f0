"""A pool of connections of one role to one database."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from libs.db.context import Context
from libs.db.errors import DatabaseRefused, DatabaseUnavailable, translated, translating
from libs.db.transaction import Connection, Transaction, discard, run
from libs.telemetry.observer import SILENT, Attributes, Kind, Observer

_log = logging.getLogger(__name__)

#: Seconds between attempts, and between lines in the log, while the database does not answer.
_RETRY_SECONDS = 0.25
_REPORT_SECONDS = 10.0


class Database:
    """One role's connections to one database. Connections are made when needed and replaced when lost, so a database
    that was down is used again as soon as it answers.

    UUID parameters and results travel in binary (asyncpg's own codec, in C); results are subclasses of `uuid.UUID`.
    """

    def __init__(
        self,
        *,
        url: str,
        name: str,
        size: int = 10,
        acquire_timeout: float = 5.0,
        statement_timeout: float = 10.0,
        lock_timeout: float = 5.0,
        idle_in_transaction_timeout: float = 15.0,
        observer: Observer = SILENT,
    ) -> None:
        """`url` is postgresql://role:password@host:port/database, `name` what the server's views show, `size` the
        greatest number of connections; time-outs in seconds. Transactions of a sampled trace become spans of it."""
        self._url = url
        self._size = size
        self._acquire_timeout = acquire_timeout
        self._settings = {
            "application_name": name,
            "search_path": "public",
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": _milliseconds(statement_timeout),
            "lock_timeout": _milliseconds(lock_timeout),
            "idle_in_transaction_session_timeout": _milliseconds(idle_in_transaction_timeout),
        }
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._observer = observer
        self._namespace = urlsplit(url).path.removeprefix("/")
        #: The name and the attributes of an operation's spans.
        self._spans: dict[str, tuple[str, Attributes]] = {}

    async def open(self) -> None:
        """Opens the pool and waits, however long, until the database answers. Raises `DatabaseRefused`."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._size,
            timeout=self._acquire_timeout,
            server_settings=self._settings,
            reset=_reset,
        )
        waited = 0.0
        while True:
            try:
                await self.fetch("SELECT 1")
                return
            except DatabaseUnavailable as error:
                if waited % _REPORT_SECONDS == 0:
                    _log.warning("%s: waiting for the database: %s", self._settings["application_name"], error)
            await asyncio.sleep(_RETRY_SECONDS)
            waited += _RETRY_SECONDS

    async def close(self, *, grace: float = 5.0) -> None:
        """Closes the pool: waits `grace` seconds for open transactions, then cuts them off."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        try:
            async with asyncio.timeout(grace):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    @asynccontextmanager
    async def transaction(self, context: Context) -> AsyncIterator[Transaction]:
        """A READ COMMITTED transaction that sees what `context` allows: committed at the end, rolled back when the
        body raises. Beginning and setting the context is one round trip.

        Raises `DatabaseUnavailable`. When it does so at the commit, the outcome is unknown: callers repeat under the
        same ids.
        """
        async with self._connection("TRANSACTION") as connection:
            await run(connection, connection.execute, context.begin())
            transaction = Transaction(connection)
            try:
                yield transaction
            except Exception as error:
                await _roll_back(connection)
                # Only the driver's errors: a time-out of something else in the body is not the database's.
                driver = isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError)
                raised = translated(error) if driver else None
                if raised is None:
                    raise
                raise raised from error
            except BaseException:
                # Cancelled or closed from outside: no further round trip may delay it.
                discard(connection)
                raise
            status = await run(connection, connection.execute, "COMMIT")
            if status != "COMMIT":
                # A body that swallowed the error of a statement: PostgreSQL answers ROLLBACK, without an error.
                raise RuntimeError("a statement of this transaction failed, so nothing of it was committed")
            for tell in transaction.committed:
                tell()

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """One statement as a transaction of its own, in one round trip, without a context: for functions that set the
        context themselves (`set_config(…, true)`), and for statements that need none. Raises `DatabaseUnavailable`."""
        async with self._connection(query.split(None, 1)[0]) as connection:
            return await run(connection, connection.fetch, query, *arguments)

    @asynccontextmanager
    async def _connection(self, operation: str) -> "AsyncIterator[Connection[asyncpg.Record]]":
        # Who borrowed before `close` gives back during it.
        pool = self._pool
        if pool is None:
            raise DatabaseUnavailable("the pool is not open")
        with self._span(operation):
            with translating():
                connection = await pool.acquire(timeout=self._acquire_timeout)
            try:
                yield connection
            finally:
                await pool.release(connection)

    def _span(self, operation: str) -> AbstractContextManager[object, None]:
        known = self._spans.get(operation)
        if known is None:
            attributes = {
                "db.system.name": "postgresql",
                "db.namespace": self._namespace,
                "db.operation.name": operation,
            }
            known = self._spans[operation] = (f"{operation} {self._namespace}", attributes)
        return self._observer.span(known[0], Kind.CLIENT, known[1], _failure)


def _failure(error: BaseException) -> str:
    """The database's failures. A transaction whose body raises something of its own did what it should: roll back."""
    ours = isinstance(error, asyncpg.PostgresError | DatabaseUnavailable | DatabaseRefused)
    return type(error).__name__ if ours else ""


async def _roll_back(connection: "Connection[asyncpg.Record]") -> None:
    try:
        await run(connection, connection.execute, "ROLLBACK")
    except Exception:
        # The body's own error is the one to report; this connection is not used again.
        discard(connection)


async def _reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Between two borrowers: nothing. The driver has rolled back what was left open, settings live in transactions
    only, and nothing else is ever left on a session; so its round trip of RESETs is spared."""


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
