"""`make run BROKER=kafka`: Apache Kafka in the embedded broker's place. It keeps its data over a kill of everything."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import jars, java
from deploy.local.stack import TOPICS
from deploy.local.tansu import NoBroker
from tests.support.stack import LocalStack, prepared_home

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(300)]


@pytest.fixture
def kafka(tmp_path: Path) -> None:
    """What it needs; where that is missing the test is skipped, and says why."""
    try:
        java()
        jars(log=tmp_path / "maven.log", say=print)
    except NoBroker as missing:
        pytest.skip(str(missing))


@pytest.mark.usefixtures("kafka")
def test_a_record_outlives_a_kill_of_the_stack(tmp_path: Path) -> None:
    home = prepared_home(tmp_path / "home")
    environment = {"WARDENRY_BROKER": "kafka"}
    first = LocalStack(home, arguments=("--stores",), environment=environment)
    second = LocalStack(home, arguments=("--stores",), environment=environment)
    try:
        first.start()
        bootstrap = first.state["addresses"]["kafka"]
        assert set(TOPICS) <= set(asyncio.run(topics(bootstrap)))
        asyncio.run(write(bootstrap, b"kept"))
        first.kill()
        second.start()
        assert asyncio.run(read(second.state["addresses"]["kafka"])) == [b"kept"]
        second.stop()
    finally:
        first.end()
        second.end()


async def topics(bootstrap: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        listed: list[str] = await admin.list_topics()
        return listed
    finally:
        await admin.close()


async def write(bootstrap: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(TOPICS[0], value, partition=0)
    finally:
        await producer.stop()


async def read(bootstrap: str) -> list[bytes]:
    """Everything on the topics."""
    consumer = AIOKafkaConsumer(*TOPICS, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found = await consumer.getmany(timeout_ms=5000)
        return [message.value for messages in found.values() for message in messages]
    finally:
        await consumer.stop()
