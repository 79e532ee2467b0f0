"""A1: events from Kafka to signed, indexed entries, beside a bare COPY of the same rows and single INSERTs."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from libs.crypto.hpke import ReaderPrivateKey
from libs.events.caller import Caller
from libs.events.client import Client
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Target
from libs.events.mac_keys import load_mac_key
from libs.events.position import Position
from libs.events.producer import Producer
from libs.events.record import Record
from libs.ids import SystemEntropy, Uuid7Ids
from libs.outbox.bucket import bucket_of
from services.session.domain import events
from tests.bench.clients.refresh import AGENT
from tests.bench.copies import Copies
from tests.bench.cpu import CpuMeter, spent
from tests.bench.machine import on
from tests.bench.measurement import Bench, Failed, Measurement, middle
from tests.bench.stores import Stores, stores
from wardenry.clock import SystemClock

GOAL, SINGLE_GOAL = 0.3, 10.0
_SOURCE = "session"
_CLIENT = Client(address="198.51.100.17", agent=AGENT)
_LOGS = 64
_ROUNDS = 5
#: Records that are sent before the broker's acknowledgements are waited for.
_AT_ONCE = 4_000
#: Seconds for the first records, which wait until the consumer has joined its group, and for the others.
_FIRST_PATIENCE, _PATIENCE = 60.0, 120.0
_TAKEN = "SELECT coalesce(sum(next), 0) FROM cursor WHERE source = $1"
_PARKED = "SELECT count(*) FROM parked_record"
_UNSIGNED = """
SELECT count(*) FROM tree_head AS head
WHERE NOT EXISTS (SELECT FROM checkpoint WHERE checkpoint.log_id = head.log_id AND checkpoint.size = head.size)
"""


class Refreshes:
    """A source's events, numbered as its relay would: refreshes in many workspaces, with sealed values and tags."""

    def __init__(self) -> None:
        self._entropy = SystemEntropy()
        self._ids = Uuid7Ids(clock=SystemClock(), entropy=self._entropy)
        self._logs = [self._ids.uuid7() for _ in range(_LOGS)]
        self._builder = EnvelopeBuilder(source=_SOURCE, entropy=self._entropy)
        self._numbers: Counter[int] = Counter()
        private = self._entropy.bytes(32)
        self._reader = ReaderPrivateKey(key_id=self._ids.uuid7(), version=1, private=private).public_key()

    def next(self, number: int) -> list[Record]:
        return [self._record(self._logs[position % _LOGS]) for position in range(number)]

    def _record(self, log: UUID) -> Record:
        event = events.by_subject(
            event_id=self._ids.uuid7(),
            action=events.SESSION_REFRESHED,
            occurred_at=datetime.now(UTC),
            caller=Caller(subject=self._ids.uuid7(), session=self._ids.uuid7(), client_id="gateway", client=_CLIENT),
            workspace=log,
            target=Target(kind="grant", id=self._ids.uuid7()),
            audit_key=self._reader,
            device_binding=bytes(range(32)),
            tag_key=log.bytes * 2,
        )
        bucket = bucket_of(log)
        position = Position(1, self._numbers[bucket])
        self._numbers[bucket] += 1
        return Record(
            source=_SOURCE,
            position=position,
            bucket=bucket,
            event_id=event.event_id,
            log=event.log,
            action=event.action,
            occurred_at=event.occurred_at,
            envelope=self._builder.build(event),
        )


async def measure(bench: Bench) -> Sequence[Measurement]:
    """Entries a second, by the clock; nothing is pinned. Raises Failed, NotMeasured."""
    bench.say("A1: making events")
    source = Refreshes()
    warm = source.next(bench.count(4_000, 500))
    rounds = [source.next(bench.count(16_000, 2_000)) for _ in range(_ROUNDS)]
    bench.say("A1: starting stores and audit")
    with on(bench.cores.all), stores(cores=bench.cores.all) as running:
        await running.start("audit")
        bench.state["PostgreSQL"] = await running.durability()
        connection = await asyncpg.connect(running.administrator("audit"))
        producer = Producer(
            bootstrap=running.around.kafka_bootstrap,
            source=_SOURCE,
            mac_key=load_mac_key(running.home.secrets / _SOURCE / "mac-keys", _SOURCE),
            clock=SystemClock(),
        )
        await producer.open()
        try:
            ingest = Ingest(running, connection, producer)
            await ingest.take(warm, patience=_FIRST_PATIENCE)
            return await _measured(bench, running, ingest, Copies(connection, action=events.SESSION_REFRESHED), rounds)
        finally:
            await producer.close()
            await connection.close()


class Ingest:
    """Gives audit events and waits until they are entries under signed checkpoints."""

    def __init__(self, running: Stores, connection: "asyncpg.Connection[asyncpg.Record]", producer: Producer) -> None:
        self._running = running
        self._connection = connection
        self._producer = producer
        self._taken = 0

    async def take(self, records: Sequence[Record], *, patience: float = _PATIENCE) -> float:
        """Seconds that audit needs for them. They are at the broker before it may begin: it is stopped while they are
        sent. Raises Failed."""
        audit = self._running.pid("audit")
        os.kill(audit, signal.SIGSTOP)
        try:
            for start in range(0, len(records), _AT_ONCE):
                await self._producer.send(records[start : start + _AT_ONCE])
        finally:
            began = time.perf_counter()
            os.kill(audit, signal.SIGCONT)
        self._taken += len(records)
        while not await self._is_done():
            if time.perf_counter() - began > patience:
                raise Failed(f"audit has not taken in {len(records)} events within {patience:g} s")
            await asyncio.sleep(0.005)
        return time.perf_counter() - began

    async def _is_done(self) -> bool:
        if await self._connection.fetchval(_TAKEN, _SOURCE) < self._taken:
            return False
        if parked := await self._connection.fetchval(_PARKED):
            raise Failed(f"audit has set aside {parked} records")
        return not await self._connection.fetchval(_UNSIGNED)


async def _measured(
    bench: Bench, running: Stores, ingest: Ingest, copies: Copies, batches: Sequence[Sequence[Record]]
) -> Sequence[Measurement]:
    await copies.make()
    meter = CpuMeter({name: running.pid(name) for name in ("audit", "postgresql", "kafka")})
    rounds: list[dict[str, float]] = []
    for position, records in enumerate(batches):
        bench.say(f"A1: round {position + 1} of {len(batches)}")
        await copies.begin()
        before = meter.read()
        seconds = await ingest.take(records)
        each = spent(before, meter.read(), operations=len(records))
        if (found := await copies.read()) != len(records):
            raise Failed(f"{len(records)} events have become {found} entries")
        before = meter.read()
        copied = await copies.copy()
        cost = spent(before, meter.read(), operations=len(records))["postgresql"]
        singles = bench.count(1_000, 200)
        rates = {
            "rate": len(records) / seconds,
            "copy": len(records) / copied,
            "single": singles / await copies.insert_singly(singles),
        }
        rounds.append(each | rates | {"copy ms": cost})
    figures = middle(rounds)
    rate, copy, single, cost = (figures.pop(name) for name in ("rate", "copy", "single", "copy ms"))
    bench.note(
        f"A1: {len(batches)} rounds of {len(batches[0]):,} events of {_LOGS} workspaces, at the broker before audit may"
        " begin; an entry is done when a signed checkpoint covers it; nothing is pinned"
    )
    bench.note(
        "A1: CPU an entry: "
        + ", ".join(f"{name} {value:.3f} ms" for name, value in figures.items())
        + f"; of COPY {cost:.3f} ms, in PostgreSQL"
    )
    limits = (
        ("A1", copy, "COPY of the same rows, unprotected", GOAL),
        ("A1-single", single, "single committed INSERTs of them", SINGLE_GOAL),
    )
    return [
        Measurement(
            id=name,
            what="events from Kafka to signed entries",
            result=rate,
            unit="/s",
            limit=limit,
            against=against,
            goal=goal,
            at_least=True,
            cpu_ms_per_op=figures,
        )
        for name, limit, against, goal in limits
    ]
