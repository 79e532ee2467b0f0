"""Numbers follow the order of commits, without a gap, whoever gives them."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from libs.db.context import Context
from libs.events.position import Position
from libs.outbox.bucket import bucket_of
from libs.outbox.emit import insert
from libs.outbox.numbering import Numbering, begin_generation
from tests.support.events import LOG, OTHER_LOG, SOURCE, EventPath, event_path, row
from tests.support.postgres import ServiceDatabases


@pytest.fixture
async def path(service_database: ServiceDatabases) -> AsyncIterator[EventPath]:
    async with event_path(service_database, "127.0.0.1:1") as made:
        yield made


@pytest.fixture
def numbering(path: EventPath) -> Numbering:
    return Numbering(source=SOURCE, database=path.relay_role)


async def test_a_late_committer_gets_a_later_number_and_leaves_no_gap(path: EventPath, numbering: Numbering) -> None:
    async with path.runtime.transaction(Context()) as late:
        await insert(late, [row(b"late")])
        await path.emit(b"early")
        assert [(each.envelope, each.position) for each in await numbering.number(limit=100)] == [
            (b"early", Position(1, 0))
        ]
    assert [(each.envelope, each.position) for each in await numbering.number(limit=100)] == [(b"late", Position(1, 1))]


async def test_a_transaction_that_rolls_back_leaves_no_gap(path: EventPath, numbering: Numbering) -> None:
    await path.emit(b"a")
    with contextlib.suppress(ArithmeticError):
        async with path.runtime.transaction(Context()) as tx:
            await insert(tx, [row(b"never")])
            raise ArithmeticError
    await path.emit(b"b")
    assert [each.position.number for each in await numbering.number(limit=100)] == [0, 1]


async def test_numbers_are_dense_and_keep_each_writers_order_under_many_writers_and_two_relays(path: EventPath) -> None:
    dice = random.Random(7)  # noqa: S311 - the same throws in every run
    done = asyncio.Event()
    logs = [LOG, OTHER_LOG]

    async def write(writer: int) -> None:
        for n in range(25):
            async with path.runtime.transaction(Context()) as tx:
                await insert(tx, [row(b"%d:%d" % (writer, n), log=dice.choice(logs))])
                await asyncio.sleep(dice.random() * 0.01)
                if dice.random() < 0.2:
                    await insert(tx, [row(b"%d:%d+" % (writer, n), log=dice.choice(logs))])

    async def relay() -> list[tuple[int, int, bytes]]:
        numbering = Numbering(source=SOURCE, database=path.relay_role)
        found = []
        while True:
            last = done.is_set()
            records = await numbering.number(limit=7)
            found += [(each.bucket, each.position.number, each.envelope) for each in records]
            if last and not records and not await _unnumbered(path):
                return found
            await asyncio.sleep(0.001)

    relays = [asyncio.create_task(relay()) for _ in range(2)]
    await asyncio.gather(*(write(writer) for writer in range(8)))
    done.set()
    numbered = sorted([each for found in await asyncio.gather(*relays) for each in found])
    for log in logs:
        mine = [(number, envelope) for bucket, number, envelope in numbered if bucket == bucket_of(log)]
        assert [number for number, _ in mine] == list(range(len(mine)))
        for writer in range(8):
            order = [
                int(envelope.split(b":")[1].rstrip(b"+"))
                for _, envelope in mine
                if envelope.startswith(b"%d:" % writer)
            ]
            assert order == sorted(order)
    assert len(numbered) == (await path.relay_role.fetch("SELECT count(*) FROM outbox"))[0][0]


async def _unnumbered(path: EventPath) -> bool:
    found: bool = (await path.relay_role.fetch("SELECT EXISTS (SELECT FROM outbox WHERE number IS NULL)"))[0][0]
    return found


async def test_numbered_rows_are_found_again_from_any_position(path: EventPath, numbering: Numbering) -> None:
    await path.emit(*(b"%d" % n for n in range(10)))
    await path.emit(b"other", log=OTHER_LOG)
    await numbering.number(limit=100)
    bucket = bucket_of(LOG)
    found = await numbering.numbered_from({bucket: Position(1, 4)}, limit=3)
    assert [each.envelope for each in found] == [b"4", b"5", b"6"]
    assert (await numbering.heads())[bucket] == Position(1, 10)


async def test_rows_found_again_are_bounded_by_their_bytes_and_there_is_always_one(
    path: EventPath, numbering: Numbering
) -> None:
    await path.emit(*(b"%d" % n * 1000 for n in range(4)))
    await numbering.number(limit=100)
    position = {bucket_of(LOG): Position(1, 0)}
    assert len(await numbering.numbered_from(position, limit=100, size=2000)) == 2
    assert len(await numbering.numbered_from(position, limit=100, size=2001)) == 3
    assert len(await numbering.numbered_from(position, limit=100, size=1)) == 1


async def test_rows_are_deleted_below_the_position_and_before_the_time_only(
    path: EventPath, numbering: Numbering
) -> None:
    await path.emit(*(b"%d" % n for n in range(10)))
    await numbering.number(limit=100)
    bucket = bucket_of(LOG)
    now = datetime.now(UTC)
    hour, never = timedelta(hours=1), now + timedelta(days=1)
    positions = {bucket: Position(1, 4)}
    assert await numbering.delete_below(positions, before=now - hour, misdated=never, limit=100) == 0
    assert await numbering.delete_below(positions, before=now + hour, misdated=never, limit=100) == 4
    left = await numbering.numbered_from({bucket: Position(0, 0)}, limit=100)
    assert [each.position.number for each in left] == [4, 5, 6, 7, 8, 9]


async def test_a_new_generation_numbers_again_what_is_left(path: EventPath, numbering: Numbering) -> None:
    await path.emit(b"a", b"b")
    await numbering.number(limit=100)
    async with path.relay_role.transaction(Context()) as tx:
        await begin_generation(tx)
    await path.emit(b"c")
    assert [(each.envelope, each.position) for each in await numbering.number(limit=100)] == [
        (b"a", Position(2, 0)),
        (b"b", Position(2, 1)),
        (b"c", Position(2, 2)),
    ]


async def test_the_service_may_write_its_outbox_and_nothing_else(path: EventPath) -> None:
    await path.emit(b"a")
    for statement in (
        "SELECT * FROM outbox",
        "UPDATE outbox SET number = 0, generation = 1",
        "DELETE FROM outbox",
        "TRUNCATE outbox",
        "UPDATE outbox_head SET next = 0",
        "INSERT INTO outbox (event_id, log, bucket, action, occurred_at, envelope, generation, number)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 0, 'a.b', now(), '', 1, 0",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await path.runtime.fetch(statement)


async def test_a_log_cannot_be_put_into_another_bucket(path: EventPath) -> None:
    wrong = (bucket_of(LOG) + 1) % 64
    with pytest.raises(asyncpg.CheckViolationError):
        await path.runtime.fetch(
            "INSERT INTO outbox (event_id, log, bucket, action, occurred_at, envelope)"
            " VALUES (gen_random_uuid(), $1, $2, 'a.b', now(), '')",
            LOG,
            wrong,
        )


async def test_an_event_that_no_broker_would_take_fails_where_it_is_written(path: EventPath) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await path.emit(b"x" * (256 * 1024 + 1))
    await path.emit(b"x" * (256 * 1024))


async def test_rows_of_a_clock_that_was_ahead_keep_no_others(path: EventPath, numbering: Numbering) -> None:
    now = datetime.now(UTC)
    async with path.runtime.transaction(Context()) as tx:
        await insert(tx, [replace(row(b"ahead"), occurred_at=now + timedelta(days=365)) for _ in range(3)])
        await insert(tx, [replace(row(b"old"), occurred_at=now - timedelta(days=3)), row(b"young")])
    await numbering.number(limit=100)
    positions = {bucket_of(LOG): Position(1, 5)}
    deleted = 0
    for _ in range(3):
        deleted += await numbering.delete_below(
            positions, before=now - timedelta(days=2), misdated=now + timedelta(days=1), limit=2
        )
    assert deleted == 4
    (left,) = await numbering.numbered_from({bucket_of(LOG): Position(1, 0)}, limit=10)
    assert left.envelope == b"young"
