"""What Apache Kafka does and the embedded broker cannot: it keeps its data, has limits, knows idempotent producers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from libs.events.admin import PARTITIONS, ensure_topics
from libs.events.errors import BrokerUnavailable
from libs.events.record import topic_of
from libs.outbox.bucket import bucket_of
from tests.support.broker import KAFKA, BrokerForTests
from tests.support.events import LOG, SOURCE, EventPath, event_path, eventually, record
from tests.support.postgres import ServiceDatabases

pytestmark = pytest.mark.parametrize("broker", [KAFKA], indirect=True)


@pytest.fixture
async def path(service_database: ServiceDatabases, broker: BrokerForTests) -> AsyncIterator[EventPath]:
    async with event_path(service_database, broker.bootstrap, idempotence=broker.idempotence) as made:
        yield made


async def test_a_killed_broker_has_its_records_again(path: EventPath, broker: BrokerForTests) -> None:
    producer = path.producer()
    await producer.open()
    await producer.send([record(0, b"before")])
    broker.stop()
    broker.start()
    await producer.send([record(1, b"after")])
    await producer.close()

    async def both_there() -> bool:
        return await path.taken() == [b"before", b"after"]

    async with path.reader():  # nobody sends them again: there is no relay
        await eventually(both_there)


async def test_a_consumer_that_begins_again_gets_the_topics_that_came_meanwhile(path: EventPath) -> None:
    """Kafka remembers a member by its name, and with it that there was nothing to assign."""
    async with path.reader():
        await eventually(lambda: _joined(path.bootstrap))  # and finds no topic
        producer = path.producer()
        await producer.open()
        (reading,) = [
            each for each in asyncio.all_tasks() if "Fetcher._fetch_requests_routine" in repr(each.get_coro())
        ]
        reading.cancel()
        await producer.send([record(0, b"a")])
        await producer.close()

        async def there() -> bool:
            return await path.taken() == [b"a"]

        await eventually(there)


async def test_what_was_refused_once_does_not_stop_what_follows(path: EventPath) -> None:
    producer = path.producer()
    await producer.open()
    await producer.send([record(0, b"a")])
    await _limit(path, 600)
    with pytest.raises(BrokerUnavailable, match="MessageSizeTooLargeError"):
        await producer.send([record(1, b"b" * 1000)])
    await _limit(path, 1024 * 1024)
    await producer.send([record(1, b"b" * 1000)])
    await producer.send([record(2, b"c")])
    await producer.close()

    async def all_there() -> bool:
        return await path.taken() == [b"a", b"b" * 1000, b"c"]

    async with path.reader():
        await eventually(all_there)


async def test_a_topic_that_nobody_made_is_not_made_by_writing_to_it(path: EventPath) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=path.bootstrap, request_timeout_ms=1000)
    await producer.start()
    try:
        with pytest.raises(KafkaError):
            await producer.send_and_wait("wardenry.misspelt.v1", b"lost")
    finally:
        await producer.stop()
    async with _administrator(path.bootstrap) as admin:
        assert "wardenry.misspelt.v1" not in await admin.list_topics()


async def test_more_replicas_than_brokers_are_refused_with_the_reason(path: EventPath) -> None:
    with pytest.raises(BrokerUnavailable, match="InvalidReplicationFactorError"):
        await ensure_topics(path.bootstrap, [topic_of(SOURCE)], replicas=3)


async def _limit(path: EventPath, size: int) -> None:
    """Sets the largest batch of records, in bytes, that the topic takes, and waits until it does as told."""
    topic = ConfigResource(ConfigResourceType.TOPIC, topic_of(SOURCE), {"max.message.bytes": str(size)})
    async with _administrator(path.bootstrap) as admin:
        (answer,) = await admin.alter_configs([topic])
        assert all(code == 0 for code, *_ in answer.resources), answer

    producer = AIOKafkaProducer(bootstrap_servers=path.bootstrap)
    await producer.start()

    async def in_force() -> bool:
        try:
            # No record of ours: whoever reads it sets it aside.
            await producer.send_and_wait(topic_of(SOURCE), bytes(1000), partition=bucket_of(LOG) % PARTITIONS)
        except MessageSizeTooLargeError:
            return size < 1000
        return size > 1000

    try:
        await eventually(in_force)
    finally:
        await producer.stop()


async def _joined(bootstrap: str) -> bool:
    """Whether the reader is a member of its group, which has settled."""
    async with _administrator(bootstrap) as admin:
        (answer,) = await admin.describe_consumer_groups(["wardenry-audit"])
    ((_, _, state, _, _, members, *_),) = answer.groups
    return state == "Stable" and len(members) == 1


@asynccontextmanager
async def _administrator(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
