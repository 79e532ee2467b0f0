"""Sending records to the broker."""

import asyncio
import logging
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from libs.events.admin import PARTITIONS, ensure_topics
from libs.events.broker_log import limit_broker_log
from libs.events.errors import BrokerUnavailable
from libs.events.patience import Patience
from libs.events.record import Record, headers_of, topic_of
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

#: Bytes that are sent to a partition at a time.
_BATCH_BYTES = 256 * 1024
_LARGEST_REQUEST = 1024 * 1024
#: A send that is not acknowledged by then may be waiting for a topic that a restarted broker has forgotten.
_SUSPICIOUS_SECONDS = 2.0


class Producer:
    """One source's way to its topic: each record to the partition of its bucket, acknowledged by all replicas."""

    def __init__(
        self,
        *,
        bootstrap: str,
        source: str,
        mac_key: bytes,
        clock: Clock,
        idempotence: bool = False,
        partitions: int = PARTITIONS,
        replicas: int = 1,
        timeout: float = 10.0,
    ) -> None:
        """`bootstrap` is host:port, comma-separated; `mac_key` the source's 32 bytes; `idempotence` is for brokers that
        know idempotent producers (the embedded one does not); `partitions` and `replicas` are for a topic that is
        missing; `timeout` is the longest wait for an acknowledgement, in seconds."""
        self._bootstrap = bootstrap
        self._source = source
        self._topic = topic_of(source)
        self._mac_key = mac_key
        self._clock = clock
        self._idempotence = idempotence
        self._partitions = partitions
        self._replicas = replicas
        self._timeout = timeout
        self._producer: AIOKafkaProducer | None = None
        #: The last send failed: the broker may have restarted without the topic.
        self._suspicious = False

    async def open(self) -> None:
        """Waits, however long, until the broker answers and the topic is there."""
        limit_broker_log(self._clock)
        patience = Patience(what=f"events of {self._source}", log=_log, clock=self._clock)
        while self._producer is None:
            producer = self._kafka()
            try:
                await self._ensure_topic()
                await producer.start()
                self._producer = producer
            except (BrokerUnavailable, KafkaError, OSError) as error:
                await producer.stop()
                await patience.wait(error)
            except BaseException:
                await producer.stop()
                raise
        patience.over()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._stop(producer)

    async def send(self, records: Iterable[Record]) -> None:
        """Sends the records, each bucket's in the order given, and waits until all are acknowledged.

        Raises BrokerUnavailable: some may have arrived, so the caller sends all again.
        """
        producer = self._producer
        if producer is None:
            raise BrokerUnavailable("the producer is not open")
        try:
            await self._send(producer, records)
        # aiokafka asserts that it knows the partition, which changes when a broker forgets the topic.
        except (KafkaError, OSError, TimeoutError, AssertionError) as error:
            self._suspicious = True
            if self._idempotence and isinstance(error, KafkaError) and not error.retriable:
                await self._replace(producer)
            raise BrokerUnavailable(f"the broker did not acknowledge: {type(error).__name__}") from error

    def _kafka(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=f"wardenry-{self._source}",
            acks="all",
            enable_idempotence=self._idempotence,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_LARGEST_REQUEST,
            request_timeout_ms=int(self._timeout * 1000),
            # A restarted broker may have other topics and leaders than the ones known here.
            metadata_max_age_ms=30_000,
        )

    async def _stop(self, producer: AIOKafkaProducer) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await producer.stop()
        except TimeoutError:
            _log.warning("events of %s: closed without the broker's last acknowledgements", self._source)

    async def _replace(self, spent: AIOKafkaProducer) -> None:
        """Begins a new sequence. What was refused left a gap in that of `spent`, and the broker would refuse all that
        follows a gap, for ever."""
        fresh = self._kafka()
        try:
            await fresh.start()
        except (KafkaError, OSError):  # the next refusal tries again
            await fresh.stop()
            return
        except BaseException:
            await fresh.stop()
            raise
        # Another send may have replaced it meanwhile, or it was closed.
        if self._producer is spent:
            self._producer = fresh
            await self._stop(spent)
        else:
            await self._stop(fresh)

    async def _send(self, producer: AIOKafkaProducer, records: Iterable[Record]) -> None:
        if self._suspicious:
            await self._ensure_topic()
            await producer.client.force_metadata_update()
            self._suspicious = False
        async with asyncio.timeout(_SUSPICIOUS_SECONDS):
            known = await producer.partitions_for(self._topic)
        if not known:
            raise UnknownTopicOrPartitionError(self._topic)
        partitions: dict[int, list[Record]] = {}
        for record in records:
            partitions.setdefault(record.bucket % len(known), []).append(record)
        sent: set[asyncio.Future[object]] = set()
        for partition, some in partitions.items():
            sent.update(await self._hand(producer, partition, some))
        waiting = sent
        if waiting:
            _, waiting = await asyncio.wait(waiting, timeout=_SUSPICIOUS_SECONDS)
        if waiting:
            await self._ensure_topic()
            _, waiting = await asyncio.wait(waiting, timeout=self._timeout)
        if waiting:
            raise TimeoutError
        for future in sent:
            future.result()

    async def _hand(
        self, producer: AIOKafkaProducer, partition: int, records: Iterable[Record]
    ) -> list["asyncio.Future[object]"]:
        """Gives the records to the sender in whole batches, which costs a tenth of giving them one at a time."""
        batches = [producer.create_batch()]
        for record in records:
            fields = {
                "key": record.log.bytes,
                "value": record.envelope,
                "timestamp": int(record.occurred_at.timestamp() * 1000),
                "headers": headers_of(record, self._mac_key),
            }
            if batches[-1].append(**fields) is None:  # full
                batches.append(producer.create_batch())
                batches[-1].append(**fields)
        futures = [await producer.send_batch(batch, self._topic, partition=partition) for batch in batches]
        for future in futures:
            # When another one fails first nobody awaits this one, and its failure is no news.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return futures

    async def _ensure_topic(self) -> None:
        await ensure_topics(
            self._bootstrap, [self._topic], partitions=self._partitions, replicas=self._replicas, timeout=self._timeout
        )
