"""The reader on a real table: late committers, repeats, a database with less in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.db.context import Context
from libs.db.errors import DatabaseUnavailable
from libs.db.pool import Database
from libs.feed.announcement import Announcement, Known
from libs.feed.fanout import Fanout, Stream, Update
from libs.feed.reader import INTERVAL, Batch, FeedReader, Source
from libs.feed.replica import Replicas
from libs.feed.snapshot import Snapshot
from tests.support.events import running
from tests.support.postgres import ServiceDatabase, ServiceDatabases
from wardenry.clock import SystemClock

_TABLE = """
CREATE TABLE change (name text, changed_in xid8 NOT NULL DEFAULT pg_current_xact_id());
CREATE INDEX change_changed_in ON change (changed_in);
GRANT SELECT ON change TO tenancy_jobs;
GRANT SELECT, INSERT ON change TO tenancy_runtime;
CREATE TABLE feed_replica (replica_id uuid PRIMARY KEY, known pg_snapshot NOT NULL, expires_at timestamptz NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON feed_replica TO tenancy_jobs;
"""
_READ = """
SELECT pg_current_snapshot()::text AS snapshot, statement_timestamp() AS read_at,
       ARRAY(SELECT known::text FROM feed_replica WHERE replica_id <> $2 AND expires_at > now()) AS others,
       change.name, change.changed_in::text::bigint AS changed_in
  FROM (SELECT) AS always LEFT JOIN change ON change.changed_in >= $1::text::xid8
"""


@dataclass(frozen=True, slots=True)
class Change:
    name: str
    transaction: int


class Table:
    """Reads the table; `shift` makes it another database's, whose transactions have lower ids."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.shift = 0
        self.asked: list[int] = []

    async def read(self, since: int, *, replica: UUID) -> Batch[Change]:
        self.asked.append(since)
        found = await self.database.fetch(_READ, str(since), replica)
        rows = [Change(row["name"], row["changed_in"]) for row in found if row["name"] is not None]
        snapshot = found[0]["snapshot"]
        if self.shift:
            oldest = int(snapshot.partition(":")[0]) - self.shift
            snapshot = f"{oldest}:{oldest}:"
        return Batch(
            rows=rows,
            snapshot=Snapshot.parse(snapshot),
            others=[Snapshot.parse(each) for each in found[0]["others"]],
            read_at=found[0]["read_at"],
        )


@pytest.fixture(scope="module")
def stored(service_database: ServiceDatabases) -> ServiceDatabase:
    return service_database("tenancy", [])


@pytest.fixture
async def table(stored: ServiceDatabase) -> AsyncIterator[Table]:
    owner = await asyncpg.connect(stored.owner)
    await owner.execute("DROP TABLE IF EXISTS change, feed_replica;" + _TABLE)
    await owner.close()
    database = Database(url=stored.jobs, name="feed", size=2)
    await database.open()
    yield Table(database)
    await database.close()


@pytest.fixture
async def writer(stored: ServiceDatabase) -> AsyncIterator[Database]:
    database = Database(url=stored.runtime, name="writer", size=3)
    await database.open()
    yield database
    await database.close()


async def write(writer: Database, name: str) -> None:
    async with writer.transaction(Context()) as tx:
        await tx.execute("INSERT INTO change (name) VALUES ($1)", name)


def following(
    table: Table, *, source: Source[Change] | None = None, interval: float = INTERVAL
) -> tuple[Fanout[Change], FeedReader[Change]]:
    """A process that serves the feed: its streams, and what reads for them."""
    clock = SystemClock()
    streams: Fanout[Change] = Fanout(clock=clock)
    replicas = Replicas(database=table.database, own=uuid4())
    return streams, FeedReader(
        source=source or table, fanout=streams, replicas=replicas, clock=clock, interval=interval
    )


async def fetched(reader: FeedReader[Change], stream: Stream[Change], tick: int) -> Update[Change]:
    """One read with its message; the tick makes it worth one even when nothing is new."""
    stream.arrived(tick)
    await reader.read()
    async for update in stream:
        return update
    raise AssertionError("the stream has ended")


def names(update: Update[Change]) -> list[str]:
    return sorted(row.name for row in update.rows)


async def test_a_transaction_that_commits_late_is_not_missed_and_nothing_is_told_twice(
    table: Table, writer: Database
) -> None:
    streams, reader = following(table)
    with streams.stream() as stream:
        assert names(await fetched(reader, stream, 1)) == []
        async with writer.transaction(Context()) as late:
            await late.execute("INSERT INTO change (name) VALUES ('late')")
            await write(writer, "early")
            assert names(await fetched(reader, stream, 2)) == ["early"]
            assert names(await fetched(reader, stream, 3)) == []
        assert names(await fetched(reader, stream, 4)) == ["late"]
        assert names(await fetched(reader, stream, 5)) == []
        assert table.asked[-1] > table.asked[1] > 0, "the reads move forward"


async def test_a_change_in_a_savepoint_carries_its_whole_transaction(table: Table, writer: Database) -> None:
    streams, reader = following(table)
    with streams.stream() as stream:
        await fetched(reader, stream, 1)
        async with writer.transaction(Context()) as tx, tx.savepoint():
            await tx.execute("INSERT INTO change (name) VALUES ('inside')")
        assert names(await fetched(reader, stream, 2)) == ["inside"]


async def test_a_newcomer_gets_everything_while_the_others_get_what_is_new(table: Table, writer: Database) -> None:
    streams, reader = following(table)
    await write(writer, "before")
    with streams.stream() as old:
        assert names(await fetched(reader, old, 1)) == ["before"]
        await write(writer, "after")
        with streams.stream() as newcomer:
            update = await fetched(reader, newcomer, 2)
            assert (update.snapshot, names(update)) == (True, ["after", "before"])
        async for update in old:
            assert (update.snapshot, names(update)) == (False, ["after"])
            break


async def test_a_database_with_less_in_it_ends_every_stream(table: Table, writer: Database) -> None:
    streams, reader = following(table)
    await write(writer, "kept")
    with streams.stream() as stream:
        await fetched(reader, stream, 1)
        table.shift = 1
        await reader.read()
        assert [update async for update in stream] == []
    with streams.stream() as stream:
        update = await fetched(reader, stream, 2)
        assert (update.snapshot, names(update)) == (True, ["kept"])


class Broken:
    """A source that fails a few times."""

    def __init__(self, table: Table, failures: int) -> None:
        self._table = table
        self._failures = failures

    async def read(self, since: int, *, replica: UUID) -> Batch[Change]:
        if self._failures > 0:
            self._failures -= 1
            raise DatabaseUnavailable("gone for a moment")
        return await self._table.read(since, replica=replica)


async def test_the_reader_outlives_a_database_that_is_down(table: Table, writer: Database) -> None:
    streams, reader = following(table, source=Broken(table, 2), interval=0.01)
    task = asyncio.create_task(reader.run())
    try:
        with streams.stream() as stream:
            await write(writer, "held")
            async for update in stream:
                assert names(update) == ["held"]
                break
    finally:
        task.cancel()


class Interrupted:
    """A source during one of whose reads something else happens, after what it reads and before it answers."""

    def __init__(self, table: Table, during: Callable[[], Awaitable[None]]) -> None:
        self._table = table
        self._during: Callable[[], Awaitable[None]] | None = during

    async def read(self, since: int, *, replica: UUID) -> Batch[Change]:
        batch = await self._table.read(since, replica=replica)
        during, self._during = self._during, None
        if during is not None:
            await during()
        return batch


async def test_what_this_process_commits_is_told_at_once_also_when_it_commits_during_a_read(
    table: Table, writer: Database
) -> None:
    async def commit(name: str) -> None:
        async with writer.transaction(Context()) as tx:
            announcement = Announcement(tx=tx, feed=reader)
            announcement.made(
                await tx.fetchval("INSERT INTO change (name) VALUES ($1) RETURNING changed_in::text::bigint", name)
            )

    source = Interrupted(table, lambda: commit("during"))
    streams, reader = following(table, source=source, interval=3600)
    task = asyncio.create_task(reader.run())
    told: list[str] = []
    try:
        with streams.stream() as stream:
            async with asyncio.timeout(30):
                async for update in stream:
                    told += names(update)
                    if told == ["during"]:
                        await commit("after")
                    elif told:
                        break
    finally:
        task.cancel()
    assert told == ["during", "after"]


async def test_a_read_under_way_serves_nobody_who_comes_during_it(table: Table) -> None:
    during: list[Known] = []

    async def come() -> None:
        during.append(reader.hurry())

    _, reader = following(table, source=Interrupted(table, come))
    before = reader.hurry()
    delivered = await reader.read()
    assert delivered is not None
    assert list(delivered.waiting) == [before]
    delivered = await reader.read()
    assert delivered is not None
    assert list(delivered.waiting) == during


async def test_who_waits_goes_on_waiting_when_a_read_fails_or_meets_another_database(table: Table) -> None:
    _, reader = following(table, source=Broken(table, 1))
    first = reader.hurry()
    with pytest.raises(DatabaseUnavailable):
        await reader.read()
    delivered = await reader.read()
    assert delivered is not None
    assert list(delivered.waiting) == [first]
    second = reader.hurry()
    table.shift = 1
    assert await reader.read() is None
    assert not second.done()


async def test_what_clients_know_is_forgotten_with_the_database(table: Table, writer: Database) -> None:
    _, here = following(table)
    _, there = following(table)
    async with running(here.run()), running(there.run()):
        await write(writer, "old")
        others = await here.hurry()
        while not (others and others[0].xmin > 1):
            others = await here.hurry()
    table.shift = 100
    assert await there.read() is None
    table.shift = 0
    delivered = await here.read()
    assert delivered is not None
    assert [each.text for each in delivered.others] == ["1:1:"]
