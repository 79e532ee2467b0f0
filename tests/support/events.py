"""The event path for tests: a source with its outbox, a broker, a consumer that writes down what it takes in."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaProducer

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.schemas import ROOT
from libs.db.transaction import Transaction
from libs.events.consumer import Consumer
from libs.events.cursors import CursorReader
from libs.events.envelope import EnvelopeBuilder
from libs.events.intake import Handler, Intake, Repeats
from libs.events.parked import Parking
from libs.events.position import Position
from libs.events.producer import Producer
from libs.events.record import RawRecord, Record, headers_of, topic_of
from libs.ids import PLATFORM, SystemEntropy, Uuid7Ids
from libs.outbox.bucket import bucket_of
from libs.outbox.emit import insert
from libs.outbox.relay import Relay
from libs.outbox.row import OutboxRow
from libs.service.retry_log import EmittedRetries
from tests.support.postgres import ServiceDatabase, ServiceDatabases
from wardenry.clock import SystemClock
from wardenry.events.v1 import envelope_pb2
from wardenry.log.leaf import Leaf, parse_leaf

SOURCE = "identity"
MAC_KEY = b"k" * 32
#: A log, and another that is in another bucket and another partition.
LOG = UUID("018f0000-0000-7000-8000-000000000001")
OTHER_LOG = UUID("018f0000-0000-7000-8000-000000000003")
_SQL = [ROOT / "libs/outbox/sql", ROOT / "libs/events/sql", ROOT / "tests/testdata/sql/taken.sql"]

_TAKE = """
INSERT INTO taken (source, bucket, generation, number, event_id, envelope)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::integer[], $4::bigint[], $5::uuid[], $6::bytea[])
"""


async def write_down(tx: Transaction, records: Sequence[Record]) -> None:
    """The handler that most tests use."""
    await tx.execute(
        _TAKE,
        [record.source for record in records],
        [record.bucket for record in records],
        [record.position.generation for record in records],
        [record.position.number for record in records],
        [record.event_id for record in records],
        [record.envelope for record in records],
    )


def retry_log(consumer: str = "audit") -> EmittedRetries:
    """As a consumer has it."""
    clock, entropy = SystemClock(), SystemEntropy()
    ids = Uuid7Ids(clock=clock, entropy=entropy)
    return EmittedRetries(
        consumer=consumer, envelopes=EnvelopeBuilder(source=consumer, entropy=entropy), ids=ids, clock=clock
    )


async def compare(tx: Transaction, records: Sequence[Record]) -> Sequence[Record]:
    """Repeats that do not say what was written down."""
    rows = await tx.fetch("SELECT event_id, envelope FROM taken")
    known = {row["event_id"]: row["envelope"] for row in rows}
    return [record for record in records if known.get(record.event_id) != record.envelope]


class EventPath:
    """A source's and a consumer's database, and whatever runs between them."""

    def __init__(
        self, *, source: ServiceDatabase, consumer: ServiceDatabase, bootstrap: str, idempotence: bool
    ) -> None:
        self.source = source
        self.consumer = consumer
        self.bootstrap = bootstrap
        self.idempotence = idempotence
        self.runtime = Database(url=source.runtime, name="source")
        self.relay_role = Database(url=source.relay, name="relay", size=4)
        self.taking = Database(url=consumer.runtime, name="consumer")

    async def emit(self, *envelopes: bytes, log: UUID = LOG) -> None:
        async with self.runtime.transaction(Context()) as tx:
            await insert(tx, [row(envelope, log=log) for envelope in envelopes])

    def producer(self) -> Producer:
        return Producer(
            bootstrap=self.bootstrap,
            source=SOURCE,
            mac_key=MAC_KEY,
            clock=SystemClock(),
            idempotence=self.idempotence,
            timeout=5.0,
        )

    @asynccontextmanager
    async def relay(
        self, *, window: timedelta = timedelta(days=1), consumers: int = 1, stall: float = 0.5
    ) -> AsyncIterator[None]:
        producer = self.producer()
        await producer.open()
        relay = Relay(
            source=SOURCE,
            database=self.relay_role,
            producer=producer,
            consumers=[CursorReader(name="audit", database=self.taking)][:consumers],
            clock=SystemClock(),
            recovery_window=window,
            poll=0.1,
            stall=stall,
        )
        try:
            async with running(relay.run()):
                yield
        finally:
            await producer.close()

    def intake(
        self,
        handler: Handler = write_down,
        *,
        repeats: Repeats | None = compare,
        held_bytes: int = 1 << 25,
        parking: Parking | None = None,
    ) -> Intake:
        return Intake(
            database=self.taking,
            handler=handler,
            repeats=repeats,
            clock=SystemClock(),
            held_bytes=held_bytes,
            parking=parking,
        )

    @asynccontextmanager
    async def reader(
        self,
        *,
        member: str = "audit-0",
        intake: Intake | None = None,
        mac_keys: Mapping[str, Sequence[bytes]] | None = None,
    ) -> AsyncIterator[None]:
        consumer = Consumer(
            bootstrap=self.bootstrap,
            group="audit",
            member=member,
            sources=[SOURCE],
            mac_keys=mac_keys or {SOURCE: [MAC_KEY]},
            intake=intake or self.intake(),
            clock=SystemClock(),
            session_timeout=6.0,
        )
        async with running(consumer.run()):
            yield

    async def taken(self, log: UUID = LOG) -> list[bytes]:
        """What the consumer has taken in of one log, in order."""
        query = "SELECT envelope FROM taken WHERE bucket = $1 ORDER BY id"
        return [row["envelope"] for row in await self.taking.fetch(query, bucket_of(log))]

    async def parked(self) -> list[tuple[str, bytes]]:
        rows = await self.taking.fetch("SELECT reason, value FROM parked_record ORDER BY parked_at, value")
        return [(row["reason"], row["value"]) for row in rows]

    async def told(self) -> list[Leaf]:
        """What the consumer has emitted into the platform's log."""
        connection = await asyncpg.connect(self.consumer.administrator)
        try:
            rows = await connection.fetch("SELECT envelope FROM outbox WHERE log = $1 ORDER BY id", PLATFORM)
        finally:
            await connection.close()
        return [parse_leaf(envelope_pb2.Envelope.FromString(row["envelope"]).leaf) for row in rows]

    async def cursor(self, log: UUID = LOG) -> Position | None:
        return (await CursorReader(name="audit", database=self.taking).list_cursors(SOURCE)).get(bucket_of(log))

    async def publish(self, *raw: RawRecord) -> None:
        """Puts records on the topic past the relay."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for each in raw:
                await producer.send_and_wait(
                    each.topic, each.value, key=each.key, partition=each.partition, headers=list(each.headers)
                )
        finally:
            await producer.stop()


@asynccontextmanager
async def event_path(
    service_database: ServiceDatabases, bootstrap: str, *, idempotence: bool = False
) -> AsyncIterator[EventPath]:
    path = EventPath(
        source=service_database(SOURCE, _SQL),
        consumer=service_database("audit", _SQL),
        bootstrap=bootstrap,
        idempotence=idempotence,
    )
    databases = path.runtime, path.relay_role, path.taking
    for database in databases:
        await database.open()
    try:
        yield path
    finally:
        for database in databases:
            await database.close()


def row(envelope: bytes, *, log: UUID = LOG) -> OutboxRow:
    return OutboxRow(event_id=uuid4(), log=log, action="user.login", occurred_at=datetime.now(UTC), envelope=envelope)


def record(
    number: int, envelope: bytes, *, generation: int = 1, log: UUID = LOG, event_id: UUID | None = None
) -> Record:
    """A record as the source would send it, with the bytes that it would come as."""
    return arrived(
        Record(
            source=SOURCE,
            position=Position(generation, number),
            bucket=bucket_of(log),
            event_id=event_id or UUID(int=generation << 64 | number),
            log=log,
            action="user.login",
            occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
            envelope=envelope,
        )
    )


def arrived(made: Record) -> Record:
    """The record with the bytes that it would come as."""
    return replace(made, raw=raw_of(made))


def raw_of(made: Record, key: bytes = MAC_KEY) -> RawRecord:
    return RawRecord(
        topic=topic_of(made.source),
        partition=made.bucket % 8,
        offset=0,
        key=made.log.bytes,
        headers=tuple(headers_of(made, key)),
        value=made.envelope,
    )


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `work` beside the body, then cancels it; its failure is the test's."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        failed = task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert not failed


async def eventually(holds: Callable[[], Awaitable[object]], *, seconds: float = 30.0) -> None:
    """Waits until it holds; fails the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, "did not come to hold in time"
        await asyncio.sleep(0.05)


def sql(*parts: str) -> list[Path]:
    return [ROOT / part for part in parts]
