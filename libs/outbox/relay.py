"""From the outbox to the broker."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

from libs.db.errors import DatabaseUnavailable
from libs.db.pool import Database
from libs.events.errors import BrokerUnavailable
from libs.events.patience import Patience
from libs.events.position import BEFORE_ALL, Position
from libs.events.producer import Producer
from libs.events.record import Record
from libs.outbox.cursors import CursorClient, CursorsUnavailable
from libs.outbox.numbering import Numbering
from libs.outbox.publication import Publications
from libs.outbox.stalls import Stalls
from libs.telemetry.observer import SILENT, Observer
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

#: Rows that are numbered at a time, and how many such batches may wait for the broker's acknowledgement.
_NUMBERED, _IN_FLIGHT = 500, 4
#: Rows of one bucket that are sent again, or deleted, at a time.
_AGAIN = 500
_DELETED = 1000
#: A row that is dated further ahead was written by a clock that was wrong.
_SKEW = timedelta(days=1)
#: While the outbox is empty it is looked at this often, in seconds: soon after it was busy, less often at rest.
_SOONEST, _LATEST = 0.01, 0.05


class Relay:
    """Numbers and sends one source's events, sends again what a consumer misses, deletes what all have.

    It keeps nothing that matters: whatever moment it is killed at, rows are in the outbox, and a number once given
    stays. Several may run at once.
    """

    def __init__(
        self,
        *,
        source: str,
        database: Database,
        producer: Producer,
        consumers: Sequence[CursorClient],
        clock: Clock,
        recovery_window: timedelta = timedelta(days=2),
        poll: float = 1.0,
        stall: float = 3.0,
        observer: Observer = SILENT,
    ) -> None:
        """`database` connects as the relay's role, and `consumers` are all services that take these events in; without
        any, nothing is deleted. A row stays for `recovery_window` after it happened, so that a consumer restored from a
        back-up of that age finds it. Seconds: cursors are asked for every `poll`, and a cursor that stands still for
        `stall` is helped."""
        self._source = source
        self._producer = producer
        self._consumers = consumers
        self._clock = clock
        self._numbering = Numbering(source=source, database=database)
        self._publications = Publications(source=source, observer=observer)
        self._recovery_window = recovery_window
        self._in_flight = asyncio.Semaphore(_IN_FLIGHT)
        self._poll = poll
        self._stalls = {consumer.name: Stalls(after=stall) for consumer in consumers}
        #: The last answer of each consumer, and those of the last round.
        self._known: dict[str, Mapping[int, Position]] = {}
        self._answered: dict[str, Mapping[int, Position]] = {}
        self._sending = self._patience("sending")
        self._asking = {consumer.name: self._patience(f"cursors of {consumer.name}") for consumer in consumers}

    async def run(self) -> None:
        """Runs until cancelled; waits while the database or the broker is down."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._number_and_send(group))
            group.create_task(self._look_after_consumers())

    async def _number_and_send(self, group: asyncio.TaskGroup) -> None:
        patience = self._patience("numbering")
        pause = _SOONEST
        while True:
            await self._in_flight.acquire()
            try:
                records = await self._numbering.number(limit=_NUMBERED)
                patience.over()
            except DatabaseUnavailable as error:
                self._in_flight.release()
                await patience.wait(error)
                continue
            if records:
                group.create_task(self._send(records))
                pause = _SOONEST
            else:
                self._in_flight.release()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LATEST)

    async def _send(self, records: Sequence[Record]) -> None:
        spans = self._publications.begin(records)
        records = self._publications.positioned(records)
        try:
            while True:
                try:
                    await self._producer.send(records)
                    self._sending.over()
                    for span in spans:
                        span.end()
                    return
                except BrokerUnavailable as error:
                    await self._sending.wait(error)
        finally:
            self._in_flight.release()

    async def _look_after_consumers(self) -> None:
        patience = self._patience("cursors")
        while True:
            await asyncio.sleep(self._poll)
            try:
                await self._ask_all()
                # Read after the answers, so that no cursor is ahead of it.
                heads = await self._numbering.heads()
                again = self._missed(heads)
                if again:
                    records = await self._numbering.numbered_from(again, limit=_AGAIN)
                    self._alarm_of_gone(again, records)
                    _log.info("events of %s: sending %d again", self._source, len(records))
                    await self._producer.send(self._publications.positioned(records))
                await self._delete(heads)
                patience.over()
            except (DatabaseUnavailable, BrokerUnavailable) as error:
                await patience.wait(error)

    async def _ask_all(self) -> None:
        self._answered = {}
        answers = await asyncio.gather(*map(self._ask, self._consumers))
        for consumer, answer in zip(self._consumers, answers, strict=True):
            if answer is not None:
                self._answered[consumer.name] = answer
        self._known.update(self._answered)

    async def _ask(self, consumer: CursorClient) -> Mapping[int, Position] | None:
        try:
            cursors = await consumer.list_cursors(self._source)
        except (CursorsUnavailable, DatabaseUnavailable) as error:
            self._asking[consumer.name].note(error)
            return None
        self._asking[consumer.name].over()
        return cursors

    def _missed(self, heads: Mapping[int, Position]) -> dict[int, Position]:
        """From where to send again in the buckets where a consumer that has answered has stalled."""
        again: dict[int, Position] = {}
        now = self._clock.monotonic()
        for name, cursors in self._answered.items():
            self._warn_of_restore(name, cursors, heads)
            for bucket, position in self._stalls[name].stalled(cursors, heads, now=now).items():
                again[bucket] = min(position, again.get(bucket, position))
        return again

    def _warn_of_restore(self, name: str, cursors: Mapping[int, Position], heads: Mapping[int, Position]) -> None:
        ahead = [bucket for bucket, position in cursors.items() if position > heads[bucket]]
        if ahead:
            _log.error(
                "events of %s: %s has taken in numbers that this database has not given, in buckets %s:"
                " it was restored, and its new generation was not begun",
                self._source,
                name,
                ahead,
            )

    def _alarm_of_gone(self, again: Mapping[int, Position], records: Sequence[Record]) -> None:
        """A consumer that waits for a row which was deleted waits for ever: sending cannot help it."""
        first: dict[int, Position] = {}
        for record in records:
            first.setdefault(record.bucket, record.position)
        gone = [
            bucket
            for bucket, position in again.items()
            # A later generation begins with its number 0, whatever is missing of the one before.
            if bucket not in first or (first[bucket] != position and first[bucket].number != 0)
        ]
        if gone:
            _log.error(
                "events of %s: a consumer waits for events that were deleted, in buckets %s:"
                " it is new, or was restored from before the recovery window",
                self._source,
                gone,
            )

    async def _delete(self, heads: Mapping[int, Position]) -> None:
        """Deletes what every consumer has taken in, once the recovery window has passed. A consumer that has not
        answered since this relay began may miss anything."""
        if not self._consumers or len(self._known) < len(self._consumers):
            return
        least = {bucket: min(cursors.get(bucket, BEFORE_ALL) for cursors in self._known.values()) for bucket in heads}
        least = {bucket: position for bucket, position in least.items() if position > BEFORE_ALL}
        now = self._clock.now()
        before, misdated = now - self._recovery_window, now + _SKEW
        deleted = _DELETED
        while least and deleted >= _DELETED:
            deleted = await self._numbering.delete_below(least, before=before, misdated=misdated, limit=_DELETED)

    def _patience(self, what: str) -> Patience:
        return Patience(what=f"events of {self._source}: {what}", log=_log, clock=self._clock)
