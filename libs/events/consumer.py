"""Reading the sources' topics."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from libs.clock import Clock
from libs.events.broker_log import limit_broker_log
from libs.events.intake import Intake
from libs.events.mac_keys import MacKeys
from libs.events.parked import Parked, Reason
from libs.events.patience import Patience
from libs.events.record import RawRecord, Record, RecordForged, RecordMalformed, read_record, topic_of

_log = logging.getLogger(__name__)

_COMMIT_SECONDS = 1.0
_READ_MILLISECONDS = 250


class Consumer:
    """Reads the topics of some sources as one member of a group and gives what it reads to an intake.

    The broker's offsets only save reading again: they are committed after the fact, their loss is no loss, and a member
    that reads a partition twice, or along with another member, does no harm.
    """

    def __init__(
        self,
        *,
        bootstrap: str,
        group: str,
        member: str,
        sources: Sequence[str],
        mac_keys: MacKeys,
        intake: Intake,
        clock: Clock,
        batch: int = 2000,
        session_timeout: float = 6.0,
    ) -> None:
        """`group` is the consuming service, `member` this process's name in it, the same after a restart; `batch` the
        greatest number of records given on at a time; `session_timeout`, in seconds, is how long the broker waits for a
        silent member before it gives its partitions to others."""
        self._sources = {topic_of(source): source for source in sources}
        self._mac_keys = {source: tuple(mac_keys[source]) for source in sources}
        self._bootstrap = bootstrap
        self._group = group
        self._member = member
        self._intake = intake
        self._clock = clock
        self._batch = batch
        self._session_timeout = session_timeout
        self._patience = Patience(what=f"reading events for {group}", log=_log, clock=clock)

    async def run(self) -> None:
        """Reads until cancelled; waits while the broker or the database is down."""
        limit_broker_log(self._clock)
        while True:
            consumer = self._kafka()
            try:
                await consumer.start()
                offsets = _Offsets(consumer=consumer, intake=self._intake)
                consumer.subscribe(list(self._sources), listener=offsets)
                await self._read(consumer, offsets)
            except (KafkaError, OSError) as error:
                await self._patience.wait(error)
            finally:
                await consumer.stop()

    def _kafka(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=f"wardenry-{self._member}",
            group_id=f"wardenry-{self._group}",
            group_instance_id=self._member,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            # The same partitions of every topic go to one member, so it has all of a log's events.
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=int(self._session_timeout * 1000),
            heartbeat_interval_ms=int(self._session_timeout * 300),
            # Topics may appear after the consumer; a restarted broker may have other ones.
            metadata_max_age_ms=5_000,
            fetch_max_wait_ms=_READ_MILLISECONDS,
            request_timeout_ms=15_000,
        )

    async def _read(self, consumer: AIOKafkaConsumer, offsets: "_Offsets") -> None:
        committed = self._clock.monotonic()
        while True:
            messages = await consumer.getmany(timeout_ms=_READ_MILLISECONDS, max_records=self._batch)
            records: list[Record] = []
            parked: list[Parked] = []
            for partition, some in messages.items():
                for message in some:
                    self._sort(partition.topic, message, records, parked)
            await self._intake.set_aside(parked)
            await self._intake.take(records)
            if messages:
                self._patience.over()
                offsets.done({partition: some[-1].offset + 1 for partition, some in messages.items()})
            if self._clock.monotonic() - committed >= _COMMIT_SECONDS:
                await offsets.commit()
                committed = self._clock.monotonic()

    def _sort(self, topic: str, message: Any, records: list[Record], parked: list[Parked]) -> None:
        raw = RawRecord(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            headers=tuple(message.headers),
            value=message.value,
        )
        source = self._sources[topic]
        try:
            records.append(read_record(raw, source=source, keys=self._mac_keys[source]))
        except RecordMalformed as error:
            parked.append(Parked(raw=raw, reason=Reason.MALFORMED, detail=str(error)))
        except RecordForged as error:
            parked.append(Parked(raw=raw, reason=Reason.FORGED, detail=str(error)))


class _Offsets(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """What was read to its end, told to the broker now and then, and before partitions go to another member."""

    def __init__(self, *, consumer: AIOKafkaConsumer, intake: Intake) -> None:
        self._consumer = consumer
        self._intake = intake
        self._done: dict[Any, int] = {}

    def done(self, offsets: Mapping[Any, int]) -> None:
        self._done.update(offsets)

    async def commit(self) -> None:
        assigned = self._consumer.assignment()
        offsets = {partition: offset for partition, offset in self._done.items() if partition in assigned}
        self._done.clear()
        if not offsets:
            return
        try:
            await asyncio.wait_for(self._consumer.commit(offsets), 5.0)
        except (KafkaError, TimeoutError) as error:
            # Offsets are hints: what they would have saved is read again, as repeats.
            _log.info("offsets were not committed: %s", type(error).__name__)

    async def on_partitions_revoked(self, revoked: object) -> None:
        await self.commit()
        self._intake.let_go()

    async def on_partitions_assigned(self, assigned: object) -> None:
        """Nothing to fetch: the cursors are in the database."""
