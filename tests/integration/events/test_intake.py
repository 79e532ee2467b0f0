"""What a consumer does with records, against its real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import asyncpg
import pytest

from libs.db.context import Context
from libs.db.transaction import Transaction
from libs.events.cursors import CursorMoved, Move, Stream, lock_cursors, move_cursors
from libs.events.errors import RecordRejected, TryLater
from libs.events.intake import Intake
from libs.events.parked import Parked, Parking, Reason
from libs.events.position import Position
from libs.events.record import Record
from tests.support.clock import HeldClock
from tests.support.events import LOG, OTHER_LOG, EventPath, event_path, raw_of, record, write_down
from tests.support.postgres import ServiceDatabases


@pytest.fixture
async def path(service_database: ServiceDatabases) -> AsyncIterator[EventPath]:
    async with event_path(service_database, "127.0.0.1:1") as made:
        yield made


async def test_takes_a_batch_of_several_logs_in_order(path: EventPath) -> None:
    a = [record(n, b"a%d" % n) for n in range(3)]
    b = [record(n, b"b%d" % n, log=OTHER_LOG) for n in range(3)]
    await path.intake().take([b[1], a[0], b[0], a[2], a[1], b[2]])
    assert await path.taken() == [b"a0", b"a1", b"a2"]
    assert await path.taken(OTHER_LOG) == [b"b0", b"b1", b"b2"]


async def test_a_repeated_record_has_no_effect(path: EventPath) -> None:
    intake = path.intake()
    first = record(0, b"a")
    await intake.take([first, first])
    await intake.take([first])
    await path.intake().take([first])
    assert await path.taken() == [b"a"]
    assert await path.parked() == []


async def test_what_follows_a_gap_waits_until_it_closes(path: EventPath) -> None:
    intake = path.intake()
    await intake.take([record(0, b"a"), record(2, b"c"), record(3, b"d")])
    assert await path.taken() == [b"a"]
    assert await path.cursor() == Position(1, 1)
    await intake.take([record(1, b"b")])
    assert await path.taken() == [b"a", b"b", b"c", b"d"]


async def test_held_records_are_let_go_beyond_the_bound_and_taken_when_they_come_again(path: EventPath) -> None:
    intake = path.intake(held_bytes=20_000)
    ahead = [record(n, b"%d" % n + b"x" * 1000) for n in range(1, 40)]
    await intake.take(ahead)
    assert sum(len(held) for held in intake._held.values()) < 10
    await intake.take([record(0, b"first")])
    await intake.take(ahead)
    assert len(await path.taken()) == 40


async def test_other_bytes_under_a_number_that_was_taken_are_parked(path: EventPath) -> None:
    intake = path.intake()
    await intake.take([record(0, b"a"), record(1, b"b")])
    await intake.take([record(0, b"forged"), record(2, b"c")])
    assert await path.taken() == [b"a", b"b", b"c"]
    assert await path.parked() == [("conflict", b"forged")]


async def test_other_bytes_under_the_same_number_in_one_batch_are_parked(path: EventPath) -> None:
    await path.intake().take([record(0, b"a"), record(0, b"other")])
    assert len(await path.taken()) == 1
    assert [reason for reason, _ in await path.parked()] == ["conflict"]


async def test_a_record_that_fails_is_tried_then_parked_and_the_rest_goes_on(path: EventPath) -> None:
    tries: list[int] = []

    async def handler(tx: Transaction, records: Sequence[Record]) -> None:
        await write_down(tx, records)
        if any(each.envelope == b"bad" for each in records):
            if len(records) == 1:
                tries.append(1)
            raise ArithmeticError("secret text")

    records = [record(n, b"bad" if n == 5 else b"%d" % n) for n in range(9)]
    await path.intake(handler).take(records)
    assert await path.taken() == [b"%d" % n for n in range(9) if n != 5]
    assert await path.parked() == [("failed", b"bad")]
    assert len(tries) == 3
    assert await path.cursor() == Position(1, 9)
    details = await path.taking.fetch("SELECT detail FROM parked_record")
    assert "secret" not in details[0]["detail"]


async def test_a_record_that_the_handler_rejects_is_parked_at_once(path: EventPath) -> None:
    async def handler(tx: Transaction, records: Sequence[Record]) -> None:
        for each in records:
            if each.envelope == b"bad":
                raise RecordRejected("the source may not record this action")
        await write_down(tx, records)

    await path.intake(handler).take([record(0, b"bad"), record(1, b"good")])
    assert await path.taken() == [b"good"]
    assert await path.parked() == [("rejected", b"bad")]


async def test_a_handler_whose_dependency_is_down_gets_the_same_records_again(path: EventPath) -> None:
    calls = 0

    async def handler(tx: Transaction, records: Sequence[Record]) -> None:
        nonlocal calls
        calls += 1
        await write_down(tx, records)
        if calls < 4:
            raise TryLater("the vault does not answer")

    await path.intake(handler).take([record(0, b"a"), record(1, b"b")])
    assert await path.taken() == [b"a", b"b"]
    assert await path.parked() == []


async def test_a_new_generation_begins_at_its_first_number_only(path: EventPath) -> None:
    intake = path.intake()
    await intake.take([record(0, b"a"), record(1, b"b")])
    await intake.take([record(1, b"d", generation=2)])
    assert await path.taken() == [b"a", b"b"]
    await intake.take([record(0, b"c", generation=2)])
    assert await path.taken() == [b"a", b"b", b"c", b"d"]
    assert await path.cursor() == Position(2, 2)
    # The old generation is over: what it says now is compared, and nothing else.
    await intake.take([record(2, b"late"), record(1, b"b")])
    assert await path.taken() == [b"a", b"b", b"c", b"d"]
    assert await path.parked() == [("conflict", b"late")]


async def test_what_was_held_when_a_generation_ended_is_parked(path: EventPath) -> None:
    intake = path.intake()
    await intake.take([record(0, b"a"), record(2, b"c")])
    await intake.take([record(0, b"b", generation=2)])
    assert await path.taken() == [b"a", b"b"]
    assert await path.parked() == [("superseded", b"c")]


async def test_two_intakes_that_get_the_same_records_take_them_once(path: EventPath) -> None:
    records = [record(n, b"%d" % n) for n in range(200)]

    async def feed(intake: Intake) -> None:
        for n in range(0, 200, 7):
            await intake.take(records[n : n + 7])

    await asyncio.gather(*(feed(path.intake()) for _ in range(3)))
    assert await path.taken() == [b"%d" % n for n in range(200)]
    assert await path.parked() == []


async def test_a_failed_handler_moves_no_cursor(path: EventPath) -> None:
    attempts = 0

    async def handler(tx: Transaction, records: Sequence[Record]) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 2:
            # What another connection sees after the first attempt was rolled back.
            assert await path.cursor() is None
        if attempts < 3:
            raise TryLater("not yet")

    await path.intake(handler).take([record(0, b"a")])
    assert await path.cursor() == Position(1, 1)


async def test_a_cursor_that_stands_elsewhere_stops_the_transaction(path: EventPath) -> None:
    stream = Stream("identity", 5)
    async with path.taking.transaction(Context()) as tx:
        await lock_cursors(tx, [stream])
        with pytest.raises(CursorMoved):
            await move_cursors(tx, [Move(stream, Position(1, 7), Position(1, 8))])


async def test_the_handler_sees_the_logs_of_its_records_alone(path: EventPath) -> None:
    seen: list[object] = []

    async def handler(tx: Transaction, records: Sequence[Record]) -> None:
        seen.append(await tx.fetchval("SELECT context_workspaces()"))

    await path.intake(handler).take([record(0, b"a")])
    assert seen == [[LOG]]


def forged(number: int, *, size: int = 10) -> Parked:
    made = record(0, b"%d" % number + bytes(size))
    return Parked(raw=raw_of(made, key=b"x" * 32), reason=Reason.FORGED, detail="the MAC is not the source's")


async def test_what_has_no_sources_mac_is_kept_within_bounds_and_real_records_go_on(
    path: EventPath, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(tx: Transaction, records: Sequence[Record]) -> None:
        if any(each.envelope == b"bad" for each in records):
            raise RecordRejected("no")
        await write_down(tx, records)

    clock = HeldClock()
    parking = Parking(clock=clock, most_records=5, most_bytes=100_000)
    intake = path.intake(refuse, parking=parking)
    await intake.set_aside([forged(number) for number in range(4)])
    assert "parking_full" not in [each.__dict__.get("alarm") for each in caplog.records]
    await intake.set_aside([forged(number) for number in range(4, 30)])
    await path.intake(parking=Parking(clock=clock, most_records=5)).set_aside([forged(30)])
    assert len(await path.parked()) == 5
    assert [each.__dict__.get("alarm") for each in caplog.records].count("parking_full") == 2
    # What its source answers for is kept beyond it, and nothing stops.
    await intake.take([record(0, b"a"), record(1, b"bad"), record(2, b"c")])
    await intake.take([record(0, b"other")])
    assert await path.taken() == [b"a", b"c"]
    assert sorted(reason for reason, _ in await path.parked()) == ["conflict", *["forged"] * 5, "rejected"]
    # Somebody looked.
    owner = await asyncpg.connect(path.consumer.administrator)
    await owner.execute("DELETE FROM parked_record WHERE reason = 'forged'")
    await owner.close()
    clock.advance(61)
    await intake.set_aside([forged(40), forged(41, size=99_900)])
    assert [value[:2] for reason, value in await path.parked() if reason == "forged"] == [b"40"]


async def test_a_record_with_its_mac_is_kept_once_whatever_is_changed_around_it(path: EventPath) -> None:
    """Whoever can write to the topic, without a key, could else make as many of one as they like."""
    intake = path.intake()
    await intake.take([record(0, b"a")])
    other = record(0, b"b")
    assert other.raw is not None
    for number in range(20):
        headers = (*other.raw.headers, (f"x-{number}", b""))
        await intake.take([replace(other, raw=other.raw._replace(headers=headers, key=b"%d" % number))])
    assert await path.parked() == [("conflict", b"b")]


async def test_an_alarm_is_no_flood(path: EventPath, caplog: pytest.LogCaptureFixture) -> None:
    clock = HeldClock()
    intake = path.intake(parking=Parking(clock=clock))
    await intake.set_aside([forged(number) for number in range(50)])
    lines = [each for each in caplog.records if each.__dict__.get("alarm") == "record_parked"]
    assert len(lines) == 20
    clock.advance(11)
    await intake.set_aside([forged(99)])
    assert "30 more withheld" in caplog.records[-1].getMessage()


async def test_the_same_parked_bytes_are_kept_once(path: EventPath) -> None:
    intake = path.intake()
    await intake.take([record(0, b"a")])
    other = record(0, b"b")
    assert other.raw is not None
    await intake.take([other])
    await intake.take([replace(other, raw=other.raw._replace(offset=9))])
    assert await path.parked() == [("conflict", b"b")]
