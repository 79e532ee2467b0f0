"""`make run BROKER=kafka`: Apache Kafka in the embedded broker's place. It keeps its data over a kill of everything."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import Kafka, jars, java
from deploy.local.process import NotReady
from deploy.local.stack import TOPICS
from deploy.local.tansu import NoBroker
from libs.ids import SystemEntropy
from tests.support.ports import free_port
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


@pytest.fixture
def broker(tmp_path: Path, kafka: None) -> Iterator[Callable[..., Kafka]]:
    """Makes brokers that end with the test."""
    made: list[Kafka] = []

    def make(name: str, *, port: int | None = None, controller_port: int | None = None) -> Kafka:
        directory = tmp_path / "a path, with spaces" / name
        made.append(
            Kafka(
                name=name,
                directory=directory,
                port=port or free_port(),
                controller_port=controller_port or free_port(),
                log=tmp_path / f"{name}.log",
                entropy=SystemEntropy(),
                say=print,
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.process.kill()


def test_another_broker_is_not_taken_for_one_that_did_not_start(broker: Callable[..., Kafka]) -> None:
    first_port, controller_port = free_port(), free_port()
    first = broker("first", port=first_port, controller_port=controller_port)
    first.start()
    for second in (broker("second", port=first_port), broker("third", controller_port=controller_port)):
        with pytest.raises(NotReady, match="is in use by another program"):
            second.start()
        assert second.process.pid is None
    first.process.stop()


def test_why_it_did_not_start_is_said(broker: Callable[..., Kafka]) -> None:
    kafka = broker("kafka")
    kafka.start()
    kafka.process.stop()
    properties = kafka.directory / "data" / "meta.properties"
    properties.write_text(properties.read_text().replace("node.id=1", "node.id=7"))
    with pytest.raises(NotReady, match=r"node id.*7"):
        kafka.start()


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
        found = await consumer.getmany(timeout_ms=60_000)
        return [message.value for messages in found.values() for message in messages]
    finally:
        await consumer.stop()
