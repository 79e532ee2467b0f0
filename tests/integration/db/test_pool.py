"""Transactions on a real database: their context, their end, and what happens when the database goes away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest

from libs.db.context import Context
from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.db.pool import Database
from libs.db.transaction import Transaction
from tests.support.events import sql
from tests.support.ports import free_port
from tests.support.postgres import ServiceDatabase, ServiceDatabases

WORKSPACE = UUID("018f0000-0000-7000-8000-00000000000a")
SUBJECT = UUID("018f0000-0000-7000-8000-00000000000b")
_TAKE = (
    "INSERT INTO taken (source, bucket, generation, number, event_id, envelope)"
    " VALUES ('x', 0, 1, $1, gen_random_uuid(), '')"
)
_TAKEN = "SELECT number FROM taken ORDER BY number"


@pytest.fixture
def made(service_database: ServiceDatabases) -> ServiceDatabase:
    return service_database("identity", sql("tests/testdata/sql/taken.sql"))


@pytest.fixture
async def database(made: ServiceDatabase) -> AsyncIterator[Database]:
    pool = Database(url=made.runtime, name="test", size=2, acquire_timeout=60.0, statement_timeout=60.0)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def impatient(made: ServiceDatabase) -> AsyncIterator[Database]:
    """It bears no slow statement and no lock."""
    pool = Database(url=made.runtime, name="test", size=2, statement_timeout=0.5, lock_timeout=0.2)
    await pool.open()
    yield pool
    await pool.close()


async def context_of(database: Database) -> list[object]:
    return list((await database.fetch("SELECT context_workspaces(), context_subjects(), context_standing()"))[0])


async def test_a_transaction_sees_its_context_and_leaves_none(database: Database) -> None:
    context = Context(workspaces=frozenset({WORKSPACE}), subjects=frozenset({SUBJECT}), standing="member")
    # Before any transaction the settings are unset; after one they read ''. Neither matches anything.
    for _ in range(2):
        assert await context_of(database) == [[], [], ""]
        async with database.transaction(context) as tx:
            row = await tx.fetchrow("SELECT context_workspaces(), context_subjects(), context_standing()")
            assert row is not None
            assert list(row) == [[WORKSPACE], [SUBJECT], "member"]


async def test_what_waits_for_the_commit_is_told_after_it_and_not_when_it_fails(database: Database) -> None:
    told: list[str] = []

    async def commit(name: str, statement: str, *, swallowed: type[Exception] = LookupError) -> None:
        async with database.transaction(Context()) as tx:
            tx.after_commit(lambda: told.append(name))
            with contextlib.suppress(swallowed):
                await tx.execute(statement)
            assert name not in told

    await commit("committed", "SELECT 1")
    with pytest.raises(RuntimeError, match="nothing of it was committed"):
        await commit("failed", "SELECT 1 / 0", swallowed=asyncpg.PostgresError)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await commit("raised", "SELECT 1 / 0")
    assert told == ["committed"]


async def test_transactions_at_once_never_share_a_context(database: Database) -> None:
    async def look(n: int) -> None:
        mine = UUID(int=n)
        async with database.transaction(Context(workspaces=frozenset({mine}))) as tx:
            await asyncio.sleep(0)
            assert await tx.fetchval("SELECT context_workspaces()") == [mine]

    await asyncio.gather(*(look(n) for n in range(200)))


async def test_what_raises_is_rolled_back_and_what_ends_is_committed(database: Database) -> None:
    with contextlib.suppress(ArithmeticError):
        async with database.transaction(Context()) as tx:
            await tx.execute(_TAKE, 1)
            raise ArithmeticError
    async with database.transaction(Context()) as tx:
        await tx.execute(_TAKE, 2)
    assert [row["number"] for row in await database.fetch(_TAKEN)] == [2]


async def test_a_savepoint_is_undone_alone(database: Database) -> None:
    async def fail(tx: Transaction) -> None:
        async with tx.savepoint():
            await tx.execute(_TAKE, 2)
            await tx.execute("SELECT 1 / 0")

    async with database.transaction(Context()) as tx:
        await tx.execute(_TAKE, 1)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await fail(tx)
        async with tx.savepoint():
            await tx.execute(_TAKE, 3)
    assert [row["number"] for row in await database.fetch(_TAKEN)] == [1, 3]


async def test_a_swallowed_failure_does_not_look_like_a_commit(database: Database) -> None:
    transaction = database.transaction(Context())
    tx = await transaction.__aenter__()
    await tx.execute(_TAKE, 1)
    with contextlib.suppress(asyncpg.DivisionByZeroError):
        await tx.execute("SELECT 1 / 0")
    with pytest.raises(RuntimeError, match="nothing of it was committed"):
        await transaction.__aexit__(None, None, None)
    assert await database.fetch(_TAKEN) == []


async def test_a_cancelled_call_leaves_its_reply_to_nobody(database: Database) -> None:
    async def ask(n: int) -> int:
        async with database.transaction(Context()) as tx:
            answer: int = await tx.fetchval("SELECT $1::int FROM pg_sleep(0.01)", n)
            return answer

    for round_ in range(40):
        calls = [asyncio.create_task(ask(n)) for n in range(4)]
        await asyncio.sleep(0.003 * (round_ % 5))
        for call in calls[::2]:
            call.cancel()
        for n, answer in enumerate(await asyncio.gather(*calls, return_exceptions=True)):
            assert answer == n or isinstance(answer, asyncio.CancelledError)
    assert await context_of(database) == [[], [], ""]


async def test_a_call_that_times_out_inside_the_body_cannot_mix_replies(database: Database) -> None:
    async def go_on_after_a_time_out() -> None:
        async with database.transaction(Context()) as tx:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await tx.fetchval("SELECT 1 FROM pg_sleep(30)")
            await tx.fetchval("SELECT 2")

    with pytest.raises(DatabaseUnavailable):
        await go_on_after_a_time_out()
    assert (await database.fetch("SELECT 3 AS three"))[0]["three"] == 3


async def test_no_connection_is_lent_inside_a_transaction(database: Database) -> None:
    await database.fetch("BEGIN")
    # Inside one transaction the time would stand still.
    assert await database.fetch("SELECT now()") != await database.fetch("SELECT now()")


async def test_a_statement_that_takes_too_long_is_unavailability(impatient: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await impatient.fetch("SELECT pg_sleep(30)")


async def test_a_lock_that_takes_too_long_is_unavailability(database: Database, impatient: Database) -> None:
    async with database.transaction(Context()) as tx:
        await tx.execute(_TAKE, 1)
        await tx.execute("SELECT pg_advisory_xact_lock(1)")
        with pytest.raises(DatabaseUnavailable):
            await impatient.fetch("SELECT pg_advisory_xact_lock(1)")


async def test_an_error_of_a_statement_stays_what_it_is(database: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await database.fetch("SELECT * FROM nothing_of_the_kind")


async def test_a_time_out_of_something_else_in_the_body_is_not_the_databases(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with database.transaction(Context()):
            raise TimeoutError


async def test_a_statement_that_a_migration_has_changed_may_be_asked_again(
    database: Database, made: ServiceDatabase
) -> None:
    async def columns() -> int:
        async with database.transaction(Context()) as tx:
            return len((await tx.fetch("SELECT * FROM taken"))[0])

    async with database.transaction(Context()) as tx:
        await tx.execute(_TAKE, 1)
    before = await columns()
    administrator = await asyncpg.connect(made.administrator)
    await administrator.execute("ALTER TABLE taken ADD COLUMN later text")
    await administrator.close()
    with pytest.raises(DatabaseUnavailable):
        await columns()
    assert await columns() == before + 1


async def test_lost_connections_are_replaced(database: Database, made: ServiceDatabase) -> None:
    async def lose() -> None:
        async with database.transaction(Context()) as tx:
            administrator = await asyncpg.connect(made.administrator)
            await administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'test' AND datname = current_database()"
            )
            await administrator.close()
            await tx.execute(_TAKE, 1)

    with pytest.raises(DatabaseUnavailable):
        await lose()
    async with database.transaction(Context()) as tx:
        await tx.execute(_TAKE, 2)
    assert [row["number"] for row in await database.fetch(_TAKEN)] == [2]


async def test_opening_waits_for_the_database_and_an_outage_ends_by_itself(made: ServiceDatabase) -> None:
    async with Proxy(made.runtime) as proxy:
        pool = Database(url=proxy.url, name="test", acquire_timeout=5.0)
        opening = asyncio.create_task(pool.open())
        await asyncio.sleep(0.6)
        assert not opening.done()
        await proxy.begin()
        async with asyncio.timeout(60):
            await opening
        await proxy.end()
        with pytest.raises(DatabaseUnavailable):
            await pool.fetch("SELECT 1")
        await proxy.begin()
        assert (await pool.fetch("SELECT 1"))[0][0] == 1
        await pool.close()


async def test_what_is_open_when_the_pool_closes_may_end(made: ServiceDatabase) -> None:
    pool = Database(url=made.runtime, name="test")
    await pool.open()
    async with asyncio.timeout(30):
        async with pool.transaction(Context()) as tx:
            await tx.execute(_TAKE, 1)
            closing = asyncio.create_task(pool.close(grace=60))
            await asyncio.sleep(0)  # it begins
            with pytest.raises(DatabaseUnavailable):
                await pool.fetch("SELECT 1")
            await tx.execute(_TAKE, 2)
        await closing
    await pool.open()
    assert [row["number"] for row in await pool.fetch(_TAKEN)] == [1, 2]
    await pool.close()


async def test_what_has_not_ended_by_the_grace_is_cut_off(made: ServiceDatabase) -> None:
    pool = Database(url=made.runtime, name="test")
    await pool.open()

    async def close_inside() -> None:
        async with pool.transaction(Context()) as tx:
            await tx.execute(_TAKE, 1)
            await pool.close(grace=0.01)
            await tx.execute(_TAKE, 2)

    with pytest.raises(DatabaseUnavailable):
        await close_inside()
    await pool.open()
    assert await pool.fetch(_TAKEN) == []
    await pool.close()


async def test_who_is_cancelled_when_all_connections_have_just_ended_is_cancelled(
    made: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Database(url=made.runtime, name="test")
    await pool.open()
    ended, close = asyncio.Event(), asyncpg.Pool.close

    async def close_and_tell(connections: "asyncpg.Pool[asyncpg.Record]") -> None:
        await close(connections)
        ended.set()

    monkeypatch.setattr(asyncpg.Pool, "close", close_and_tell)
    closing = asyncio.create_task(pool.close())
    await ended.wait()
    taken = closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled() == taken


async def test_a_wrong_password_is_not_waited_for(made: ServiceDatabase) -> None:
    parts = urlsplit(made.runtime)
    url = urlunsplit(parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}"))
    pool = Database(url=url, name="test")
    with pytest.raises(DatabaseRefused):
        await pool.open()
    await pool.close()


class Proxy:
    """Stands between a pool and its database, and can go away."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._port = free_port()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._pipes: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        user = f"{self._parts.username}:{self._parts.password}"
        return urlunsplit(self._parts._replace(netloc=f"{user}@127.0.0.1:{self._port}"))

    async def begin(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def end(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        self._server, self._writers = None, []

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._writers += [writer, back]
        for source, target in ((reader, back), (there, writer)):
            pipe = asyncio.create_task(self._pipe(source, target))
            self._pipes.add(pipe)

    async def _pipe(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65536):
                target.write(chunk)
                await target.drain()
        target.close()

    async def __aenter__(self) -> "Proxy":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
