"""From an outbox through a real broker into a consumer's database."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from libs.db.context import Context
from libs.events.position import Position
from libs.outbox.numbering import Numbering, begin_generation
from tests.support.broker import BrokerForTests
from tests.support.events import (
    LOG,
    MAC_KEY,
    OTHER_LOG,
    SOURCE,
    EventPath,
    event_path,
    eventually,
    raw_of,
    record,
)
from tests.support.postgres import ServiceDatabases


@pytest.fixture
async def path(service_database: ServiceDatabases, broker: BrokerForTests) -> AsyncIterator[EventPath]:
    async with event_path(service_database, broker.bootstrap) as made:
        yield made


async def _taken(path: EventPath, count: int) -> None:
    async def all_there() -> bool:
        return len(await path.taken()) >= count

    await eventually(all_there, seconds=60)


async def test_events_arrive_once_in_the_order_of_their_log(path: EventPath) -> None:
    async with path.relay(), path.reader():
        for n in range(20):
            await path.emit(b"b%d" % n, log=OTHER_LOG)
            await path.emit(b"a%d" % n)
        await _taken(path, 20)
    assert await path.taken() == [b"a%d" % n for n in range(20)]
    assert await path.taken(OTHER_LOG) == [b"b%d" % n for n in range(20)]
    assert await path.cursor() == Position(1, 20)
    assert await path.parked() == []


async def test_the_largest_event_arrives(path: EventPath) -> None:
    largest = b"x" * (256 * 1024)
    async with path.relay(), path.reader():
        await path.emit(b"a", largest, b"b")
        await _taken(path, 3)
    assert await path.taken() == [b"a", largest, b"b"]


async def test_bad_records_on_the_topic_are_parked_and_stop_nothing(
    path: EventPath, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = record(0, b"a"), record(1, b"b")
    wrong_key = raw_of(record(1, b"forged"), key=b"x" * 32)
    changed = replace(raw_of(second), value=b"changed on the way")
    nothing = replace(raw_of(first), headers=(), value=b"no record of ours")
    producer = path.producer()
    await producer.open()  # makes the topic
    await producer.close()
    with caplog.at_level(logging.ERROR, logger="libs.events.parked"):
        async with path.reader():
            await path.publish(raw_of(first), raw_of(first), wrong_key, changed, nothing, raw_of(second), raw_of(first))
            await _taken(path, 2)
    assert await path.taken() == [b"a", b"b"]
    assert sorted(await path.parked()) == [
        ("forged", b"changed on the way"),
        ("forged", b"forged"),
        ("malformed", b"no record of ours"),
    ]
    assert len([each for each in caplog.records if each.__dict__.get("event") == "record_parked"]) == 3


async def test_a_record_that_never_came_is_sent_again_when_its_consumer_stalls(path: EventPath) -> None:
    await path.emit(b"a", b"b", b"c")
    # A relay numbers, sends the last record, and is killed before the others.
    numbered = await Numbering(source=SOURCE, database=path.relay_role).number(limit=100)
    producer = path.producer()
    await producer.open()
    await producer.send(numbered[2:])
    await producer.close()
    async with path.relay(), path.reader():
        await _taken(path, 3)
    assert await path.taken() == [b"a", b"b", b"c"]


async def test_a_relay_that_was_killed_after_numbering_loses_nothing(path: EventPath) -> None:
    await path.emit(b"a", b"b")
    await Numbering(source=SOURCE, database=path.relay_role).number(limit=100)
    async with path.relay(), path.reader():
        await path.emit(b"c")
        await _taken(path, 3)
    assert await path.taken() == [b"a", b"b", b"c"]


async def test_a_broker_that_forgets_everything_loses_nothing(path: EventPath, broker: BrokerForTests) -> None:
    async with path.relay():
        async with path.reader():
            await path.emit(*(b"%d" % n for n in range(5)))
            await _taken(path, 5)
        # Sent and acknowledged, read by nobody, forgotten.
        await path.emit(*(b"%d" % n for n in range(5, 10)))
        await asyncio.sleep(1)
        broker.forget()
        async with path.reader():
            await path.emit(*(b"%d" % n for n in range(10, 15)))
            await _taken(path, 15)
            broker.forget()
            await path.emit(*(b"%d" % n for n in range(15, 20)))
            await _taken(path, 20)
    assert await path.taken() == [b"%d" % n for n in range(20)]
    assert await path.parked() == []


async def test_a_broker_that_is_down_is_waited_for(path: EventPath, broker: BrokerForTests) -> None:
    broker.stop()
    try:
        waiting = asyncio.create_task(_through(path))
        await asyncio.sleep(2)
        assert not waiting.done()
    finally:
        broker.start()
    await waiting
    assert await path.taken() == [b"a"]


async def _through(path: EventPath) -> None:
    await path.emit(b"a")
    async with path.reader(), path.relay():
        await _taken(path, 1)


async def test_two_relays_and_two_consumers_share_the_work(path: EventPath) -> None:
    logs = [LOG, OTHER_LOG]
    async with path.relay(), path.relay(), path.reader(member="audit-0"), path.reader(member="audit-1"):
        for n in range(50):
            await asyncio.gather(*(path.emit(b"%d" % n, log=log) for log in logs))
        await _taken(path, 50)

        async def other_there() -> bool:
            return len(await path.taken(OTHER_LOG)) == 50

        await eventually(other_there)
    for log in logs:
        assert await path.taken(log) == [b"%d" % n for n in range(50)]
    assert await path.parked() == []


async def test_rows_go_when_every_consumer_has_them_and_the_window_has_passed(path: EventPath) -> None:
    async def left() -> int:
        count: int = (await path.relay_role.fetch("SELECT count(*) FROM outbox"))[0][0]
        return count

    async def none_left() -> bool:
        return await left() == 0

    async with path.reader():
        async with path.relay():
            await path.emit(b"a", b"b")
            await _taken(path, 2)
            await asyncio.sleep(0.5)
            assert await left() == 2
        async with path.relay(window=timedelta(0)):
            await eventually(none_left)
    async with path.relay(window=timedelta(0)):
        await path.emit(b"c")
        await asyncio.sleep(1)
        assert await left() == 1


async def test_a_restored_source_begins_a_generation_and_its_events_are_told_by_their_ids(path: EventPath) -> None:
    async with path.reader():
        async with path.relay():
            await path.emit(b"a", b"b")
            await _taken(path, 2)
        async with path.relay_role.transaction(Context()) as tx:
            await begin_generation(tx)
        async with path.relay():
            await path.emit(b"c")
            await _taken(path, 5)
    # The handler of these tests writes down what it gets; a service's looks for the event id first.
    assert await path.taken() == [b"a", b"b", b"a", b"b", b"c"]
    assert await path.cursor() == Position(2, 3)


async def test_a_key_that_was_rotated_away_is_good_while_it_is_listed(path: EventPath) -> None:
    producer = path.producer()
    await producer.open()
    await producer.close()
    await path.publish(raw_of(record(0, b"old")), raw_of(record(1, b"new"), key=b"n" * 32))
    async with path.reader(mac_keys={SOURCE: [b"n" * 32, MAC_KEY]}):
        await _taken(path, 2)
    assert await path.taken() == [b"old", b"new"]
