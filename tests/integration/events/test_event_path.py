"""From an outbox through a real broker into a consumer's database: the same over the embedded one and Apache Kafka."""

import asyncio
import logging
import struct
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.record._crc32c import crc as crc32c

from libs.db.context import Context
from libs.events.admin import PARTITIONS
from libs.events.position import Position
from libs.events.record import RawRecord, Record, read_record, topic_of
from libs.outbox.numbering import Numbering, begin_generation
from tests.support.broker import BROKERS, BrokerForTests
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

pytestmark = pytest.mark.parametrize("broker", BROKERS, indirect=True)


@pytest.fixture
async def path(service_database: ServiceDatabases, broker: BrokerForTests) -> AsyncIterator[EventPath]:
    async with event_path(service_database, broker.bootstrap, idempotence=broker.idempotence) as made:
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
    changed = raw_of(second)._replace(value=b"changed on the way")
    nothing = raw_of(first)._replace(headers=(), value=b"no record of ours")
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
    assert len([each for each in caplog.records if each.__dict__.get("alarm") == "record_parked"]) == 3


async def test_headers_that_nothing_can_hold_are_parked_and_stop_nothing(path: EventPath) -> None:
    second = raw_of(record(1, b"b"))
    without_value = second._replace(headers=(*second.headers[:-1], (second.headers[-1][0], None)), value=b"null")
    with_nul = second._replace(headers=((chr(0), b""),), value=b"nul")
    times = tuple((name, b"0001-01-01T00:00:00+23:59" if name == "ce_time" else data) for name, data in second.headers)
    before_all_years = second._replace(headers=times, value=b"year")
    producer = path.producer()
    await producer.open()
    await producer.close()
    async with path.reader():
        await path.publish(raw_of(record(0, b"a")), without_value, with_nul, before_all_years, second)
        await _taken(path, 2)
    assert await path.taken() == [b"a", b"b"]
    assert sorted(await path.parked()) == [("malformed", b"nul"), ("malformed", b"null"), ("malformed", b"year")]


async def test_a_defect_in_reading_a_record_ends_no_consumer(path: EventPath, monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(raw: RawRecord, *, source: str, keys: Sequence[bytes]) -> Record:
        if raw.value == b"found out":
            raise ArithmeticError("a secret")
        return read_record(raw, source=source, keys=keys)

    monkeypatch.setattr("libs.events.consumer.read_record", defective)
    producer = path.producer()
    await producer.open()
    await producer.close()
    async with path.reader():
        await path.publish(raw_of(record(0, b"a"))._replace(value=b"found out"), raw_of(record(0, b"a")))
        await _taken(path, 1)
    assert await path.taken() == [b"a"]
    assert await path.parked() == [("malformed", b"found out")]


async def test_bytes_that_the_kafka_client_cannot_read_stop_nothing(
    path: EventPath, caplog: pytest.LogCaptureFixture
) -> None:
    producer = path.producer()
    await producer.open()
    await producer.close()
    await path.publish(raw_of(record(0, b"a")))
    await _publish_unreadable(path, 2)
    await path.publish(raw_of(record(1, b"b")))
    with caplog.at_level(logging.ERROR, logger="libs.events.consumer"):
        async with path.reader():
            await _taken(path, 2)
    assert await path.taken() == [b"a", b"b"]
    ours = [each for each in caplog.records if each.name == "libs.events.consumer"]
    assert [each.__dict__.get("alarm") for each in ours] == ["record_unreadable"] * 2


async def test_as_many_unreadable_records_as_somebody_likes_stop_nothing(
    path: EventPath, caplog: pytest.LogCaptureFixture
) -> None:
    """Stepped over one by one they would stop a partition for hours."""
    producer = path.producer()
    await producer.open()
    await producer.close()
    await _publish_unreadable(path, 20_000)
    with caplog.at_level(logging.ERROR, logger="libs.events.consumer"):
        async with path.relay(), path.reader():
            await path.emit(b"a", b"b")
            await _taken(path, 2)
    assert await path.taken() == [b"a", b"b"]
    assert len([each for each in caplog.records if each.name == "libs.events.consumer"]) < 50


async def test_what_is_compressed_is_passed_over_before_it_is_unpacked(
    path: EventPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three hundred kilobytes of it could be three hundred megabytes in memory."""
    topic = topic_of(SOURCE)
    admin = AIOKafkaAdminClient(bootstrap_servers=path.bootstrap)
    await admin.start()
    # As somebody else's broker may have made it, who lets producers choose.
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    await admin.close()
    raw = raw_of(record(0, b"a"))
    with monkeypatch.context() as sender:
        sender.setattr("aiokafka.codec.has_gzip", lambda: True)
        compressing = AIOKafkaProducer(
            bootstrap_servers=path.bootstrap, compression_type="gzip", max_request_size=1 << 30
        )
        await compressing.start()
        await compressing.send_and_wait(topic, bytes(100_000_000), partition=raw.partition)
        await compressing.stop()
    await path.publish(raw)
    tracemalloc.start()
    try:
        async with path.reader():
            await _taken(path, 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000
    assert await path.parked() == []


async def _publish_unreadable(path: EventPath, count: int) -> None:
    """Puts a batch on the topic whose headers' names are no UTF-8, which aiokafka asserts that they are."""
    raw = raw_of(record(1, b"b"))
    producer = AIOKafkaProducer(bootstrap_servers=path.bootstrap, max_batch_size=1 << 20)
    await producer.start()
    try:
        batch = producer.create_batch()
        for _ in range(count):
            batch.append(key=None, value=b"", timestamp=None, headers=[("name", b"value")])
        assert batch.record_count() == count
        content = bytearray(batch._builder.build()).replace(b"name", b"\xff" * 4)
        # Kafka's format of batches, version 2: the CRC-32C at byte 17 covers all that follows it.
        content[17:21] = struct.pack(">I", crc32c(bytes(content[21:])))
        batch.close()
        batch._buffer = bytes(content)
        await (await producer.send_batch(batch, raw.topic, partition=raw.partition))
    finally:
        await producer.stop()


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


async def test_a_consumer_whose_reading_ends_begins_again(path: EventPath) -> None:
    async with path.relay(), path.reader():
        await path.emit(b"a")
        await _taken(path, 1)
        # As it ends by itself when a request times out on a connection that was just lost.
        (reading,) = [
            each for each in asyncio.all_tasks() if "Fetcher._fetch_requests_routine" in repr(each.get_coro())
        ]
        reading.cancel()
        await path.emit(b"b")
        await _taken(path, 2)
    assert await path.taken() == [b"a", b"b"]


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


async def test_a_consumer_that_waits_for_deleted_events_raises_an_alarm(
    path: EventPath, caplog: pytest.LogCaptureFixture
) -> None:
    async def none_left() -> bool:
        return [tuple(each) for each in await path.relay_role.fetch("SELECT count(*) FROM outbox")] == [(0,)]

    async def alarmed() -> bool:
        return any("were deleted" in each.getMessage() for each in caplog.records if each.levelno == logging.ERROR)

    async with path.relay(window=timedelta(0)), path.reader():
        await path.emit(b"a", b"b")
        await _taken(path, 2)
        await eventually(none_left)
    owner = await asyncpg.connect(path.consumer.owner)
    await owner.execute("ALTER TABLE cursor NO FORCE ROW LEVEL SECURITY; TRUNCATE cursor")
    await owner.close()
    assert not await alarmed()
    async with path.relay():
        await path.emit(b"c")
        await eventually(alarmed)


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
