"""Real Kafka brokers for tests: the embedded one, and Apache Kafka where Java and Maven are."""

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import Kafka
from deploy.local.tansu import Tansu
from libs.ids import SystemEntropy
from tests.support.ports import free_port

#: For `@pytest.mark.parametrize("broker", BROKERS, indirect=True)`: the test is run against each. One process starts
#: Apache Kafka, and the first test waits for its jars to be fetched.
TANSU = pytest.param("tansu")
KAFKA = pytest.param("kafka", marks=[pytest.mark.xdist_group("kafka"), pytest.mark.timeout(300)])
BROKERS = [TANSU, KAFKA]


class BrokerForTests(Protocol):
    """A broker of a test process."""

    #: Whether it knows idempotent producers.
    idempotence: bool

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`."""
        ...

    def start(self) -> None:
        """Start it; after `stop`, with what it has kept."""
        ...

    def stop(self) -> None:
        """Take it away: clients find the port closed."""
        ...

    def forget(self) -> None:
        """Restart it without any topic, record, offset and group."""
        ...

    def clear(self) -> None:
        """Take its topics away, running or not: what a test begins with. Cheaper than `forget` where it can be."""
        ...


class TansuForTests:
    """It keeps records in memory alone."""

    idempotence = False

    def __init__(self, *, directory: Path) -> None:
        self._server = Tansu(name="broker", port=free_port(), log=directory / "broker.log")

    @property
    def bootstrap(self) -> str:
        return self._server.bootstrap

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.process.kill()

    def forget(self) -> None:
        self.stop()
        self.start()

    def clear(self) -> None:
        self.forget()


class KafkaForTests:
    """Apache Kafka, which keeps everything over a kill."""

    idempotence = True

    def __init__(self, *, directory: Path) -> None:
        """Raises NoBroker where it cannot run."""
        self._server = Kafka(
            name="kafka",
            directory=directory / "kafka",
            port=free_port(),
            controller_port=free_port(),
            log=directory / "kafka.log",
            entropy=SystemEntropy(),
            say=print,
        )

    @property
    def bootstrap(self) -> str:
        return self._server.bootstrap

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.process.kill()

    def forget(self) -> None:
        self.stop()
        shutil.rmtree(self._server.directory / "data")
        self.start()

    def clear(self) -> None:
        if self._server.process.pid is None:
            self.start()
        # A thread of its own, as the test's may have an event loop already.
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(asyncio.run, delete_topics(self.bootstrap)).result()


async def delete_topics(bootstrap: str) -> None:
    """Every topic but the broker's own, and with them what groups have committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        topics = [topic for topic in await admin.list_topics() if not topic.startswith("__")]
        if topics:
            response = await admin.delete_topics(topics)
            assert all(code == 0 for _, code in response.topic_error_codes), response
    finally:
        await admin.close()
