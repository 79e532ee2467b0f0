"""Reading the sources' topics."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CorruptRecordException, KafkaError, UnsupportedCodecError

from libs.events.broker_log import limit_broker_log
from libs.events.codecs import refuse_compression
from libs.events.intake import Intake
from libs.events.mac_keys import MacKeys
from libs.events.parked import Parked, Reason
from libs.events.patience import Patience
from libs.events.record import RawRecord, Record, RecordForged, RecordMalformed, read_record, topic_of
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

_COMMIT_SECONDS = 1.0
_READ_MILLISECONDS = 250
#: Records that are read and verified before others have their turn.
_AT_ONCE = 50
#: Unreadable records that are stepped over one by one, before steps become longer.
_ONE_BY_ONE = 16
#: A broker answers a member that joins when the others had their time to come, which may be seconds; its end does not
#: wait longer than this for an answer.
_STOP_SECONDS = 0.5


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
        refuse_compression()
        while True:
            consumer = self._kafka()
            started = False
            try:
                await consumer.start()
                started = True
                offsets = _Offsets(consumer=consumer, intake=self._intake)
                consumer.subscribe(list(self._sources), listener=offsets)
                await self._read(consumer, offsets)
            except (KafkaError, OSError) as error:
                await self._patience.wait(error)
            finally:
                await _stop(consumer)
            if started:
                # Until the broker has let go of this member it would only give back the partitions assigned last, which
                # may be those of topics that are gone.
                await asyncio.sleep(self._session_timeout + 1)

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
        """While records are taken in, and the database works, the next ones are read and their MACs checked."""
        committed = self._clock.monotonic()
        taking: asyncio.Task[None] | None = None
        try:
            while True:
                messages = await self._messages(consumer)
                records, parked = await self._sorted(messages)
                if taking is not None:
                    await taking
                taking = asyncio.create_task(self._take(messages, records, parked, offsets))
                if self._clock.monotonic() - committed >= _COMMIT_SECONDS:
                    await offsets.commit()
                    committed = self._clock.monotonic()
        finally:
            if taking is not None:
                # What is not in the database by then comes again.
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)

    async def _messages(self, consumer: AIOKafkaConsumer) -> dict[Any, list[Any]]:
        """What has come, by partition."""
        try:
            messages: dict[Any, list[Any]] = await consumer.getmany(
                timeout_ms=_READ_MILLISECONDS, max_records=self._batch
            )
        except Exception as error:
            if not _is_damage(error):
                raise
            messages = await self._read_past_damage(consumer)
        # aiokafka's reading ends at an error that it did not expect, and getmany then finds nothing, for ever.
        if consumer._fetcher._fetch_task.done():
            raise KafkaError("reading has ended")
        return messages

    async def _take(
        self, messages: Mapping[Any, list[Any]], records: list[Record], parked: list[Parked], offsets: "_Offsets"
    ) -> None:
        await self._intake.set_aside(parked)
        await self._intake.take(records)
        if messages:
            self._patience.over()
            offsets.done({partition: some[-1].offset + 1 for partition, some in messages.items()})

    async def _read_past_damage(self, consumer: AIOKafkaConsumer) -> dict[Any, list[Any]]:
        """What stands around bytes that are no Kafka record. aiokafka does not say where those are, so every partition
        with something unread is read one by one, and stepped over where that fails; after a few, each time twice as
        far, since there may be as many of them as somebody likes. What aiokafka had read and not given out when it
        failed, and what was stepped over and is good, comes again from the relay."""
        messages: dict[Any, list[Any]] = {}
        for partition in consumer.assignment():
            some: list[Any] = []
            failures = 0
            while len(some) < self._batch:
                position = await consumer.position(partition)
                end = consumer.highwater(partition) or 0
                if position >= end:
                    break
                try:
                    one = await consumer.getmany(partition, timeout_ms=4 * _READ_MILLISECONDS, max_records=1)
                except Exception as error:
                    if not _is_damage(error):
                        raise
                    position = await consumer.position(partition)
                    beyond = min(position + (1 << max(0, failures - _ONE_BY_ONE)), max(end, position + 1))
                    failures += 1
                    consumer.seek(partition, beyond)
                    _log.error(
                        "records passed over, they cannot be read: %s partition %d offsets %d to %d: %s",
                        partition.topic,
                        partition.partition,
                        position,
                        beyond - 1,
                        type(error).__name__,
                        extra={"alarm": "record_unreadable"},
                    )
                    continue
                if not one:
                    break
                some += one[partition]
            if some:
                messages[partition] = some
        return messages

    async def _sorted(self, messages: Mapping[Any, list[Any]]) -> tuple[list[Record], list[Parked]]:
        records: list[Record] = []
        parked: list[Parked] = []
        for partition, some in messages.items():
            for number, message in enumerate(some):
                self._sort(partition.topic, message, records, parked)
                if number % _AT_ONCE == 0:
                    # Who takes in the records before waits for short answers of the database.
                    await asyncio.sleep(0)
        return records, parked

    def _sort(self, topic: str, message: Any, records: list[Record], parked: list[Parked]) -> None:
        raw = RawRecord(message.topic, message.partition, message.offset, message.key, message.headers, message.value)
        source = self._sources[topic]
        try:
            record = read_record(raw, source=source, keys=self._mac_keys[source])
            self._intake.prepare(record)
            records.append(record)
        except RecordMalformed as error:
            parked.append(Parked(raw=raw, reason=Reason.MALFORMED, detail=str(error)))
        except RecordForged as error:
            parked.append(Parked(raw=raw, reason=Reason.FORGED, detail=str(error)))
        except Exception as error:
            # A defect of ours, which whoever sent this has found: it would end the process, and each one after it.
            _log.exception("a record could not be read")
            parked.append(Parked(raw=raw, reason=Reason.MALFORMED, detail=type(error).__name__))


def _is_damage(error: Exception) -> bool:
    """Whether aiokafka failed on the bytes of a record. Its decoder and those of the compressions raise errors of any
    type; what else goes wrong while reading is a KafkaError."""
    return not isinstance(error, KafkaError) or isinstance(error, CorruptRecordException | UnsupportedCodecError)


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
            # Not `wait_for`: until Python 3.12 it forgets a cancellation that comes with the answer.
            async with asyncio.timeout(5.0):
                await self._consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            # Offsets are hints: what they would have saved is read again, as repeats.
            _log.info("offsets were not committed: %s", type(error).__name__)

    async def on_partitions_revoked(self, revoked: object) -> None:
        await self.commit()
        self._intake.let_go()

    async def on_partitions_assigned(self, assigned: object) -> None:
        """Nothing to fetch: the cursors are in the database."""


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Ends it soon. aiokafka's own end waits for the answer that is due, and hanging up is what spares that."""
    stopping = asyncio.ensure_future(consumer.stop())
    _, waiting = await asyncio.wait({stopping}, timeout=_STOP_SECONDS)
    if waiting:
        await consumer._client.close()
    try:
        await stopping
    except KafkaError as error:  # what its reading ended with
        _log.info("the end of a consumer: %s", error)
        await consumer._client.close()
