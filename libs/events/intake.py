"""Taking verified records in: in order, each exactly once, in the transaction that moves the cursor."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Protocol

from libs.db.context import Context
from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.cursors import CursorMoved, Move, Stream, lock_cursors, move_cursors
from libs.events.errors import RecordRejected, TryLater
from libs.events.fault import is_the_databases
from libs.events.parked import Parked, Parking, Reason
from libs.events.patience import Patience
from libs.events.processing import Processing
from libs.events.record import Record, mac_in
from libs.events.sequence import sequence
from libs.telemetry.observer import SILENT, Observer, Span
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

_source_and_bucket, _position = attrgetter("source", "bucket"), attrgetter("position")
#: How often a record that fails alone is tried, and the wait between, in seconds.
_ATTEMPTS = 3
_ATTEMPT_SECONDS = 0.5


class Handler(Protocol):
    """What a service does with events."""

    async def __call__(self, tx: Transaction, records: Sequence[Record]) -> None:
        """Takes the records in: each bucket's in order and without a gap, none of them for the second time, unless the
        source was restored: after that, events come again under new numbers, and a handler tells them by `event_id`.
        A record that failed comes once more when an operator wants it (libs.events.retry): alone, and after later ones,
        whose effects stand; a handler that cannot take it so late rejects it.

        `tx` also moves the cursors, so all effects of a record are in it or are repeated safely. Raises TryLater or
        DatabaseUnavailable to be given the same records again, RecordRejected to have one set aside; what the database
        would answer to any record (libs.events.fault) is waited for too; for another error the records are given again
        in smaller lots until the one that fails is alone, tried, and set aside.
        """
        ...


class Repeats(Protocol):
    """What a service does with records whose number is behind the cursor."""

    async def __call__(self, tx: Transaction, records: Sequence[Record]) -> Sequence[Record]:
        """The ones among the records that do not say what was taken in under their event id: they are set aside."""
        ...


def logs_of(records: Sequence[Record]) -> Context:
    """The context for a handler whose rows belong to the logs of the records: those workspaces."""
    return Context(workspaces=frozenset(record.log for record in records))


class Intake:
    """Applies batches of records whose MACs were verified. One call at a time."""

    def __init__(
        self,
        *,
        database: Database,
        handler: Handler,
        clock: Clock,
        repeats: Repeats | None = None,
        context: Callable[[Sequence[Record]], Context] = logs_of,
        held_bytes: int = 32 * 1024 * 1024,
        parking: Parking | None = None,
        observer: Observer = SILENT,
    ) -> None:
        """`context` gives what the handler's transaction may see; `held_bytes` bounds the memory for records that wait
        for a gap to close: beyond it the farthest are let go, and come again when the relay sends them again;
        `parking` is where records are set aside, unless it is as usual."""
        self._database = database
        self._handler = handler
        self._repeats = repeats
        self._context = context
        self._parking = parking or Parking(clock=clock)
        self._held_bytes = held_bytes
        self._held: dict[Stream, list[Record]] = {}
        self._patience = Patience(what="taking events in", log=_log, clock=clock)
        self._processing = Processing(observer=observer)

    async def take(self, records: Sequence[Record]) -> None:
        """Takes in what is next, holds what is ahead, sets aside what is bad. Waits while the database is down, or
        cannot do what it is asked for. Raises DatabaseRefused."""
        batch = _by_stream(records)
        for stream in batch:
            batch[stream] += self._held.pop(stream, ())
            batch[stream].sort(key=_position)
        held = await self._apply([record for _, some in sorted(batch.items(), key=itemgetter(0)) for record in some])
        for record in held:
            self._held.setdefault(Stream(record.source, record.bucket), []).append(record)
        self._bound()

    def prepare(self, record: Record) -> None:
        """Does with a verified record what can be done before its transaction, while others are taken in. Does not
        raise."""

    async def set_aside(self, parked: Sequence[Parked]) -> None:
        """Parks records that are none of the source's, with an alarm; moves no cursor."""
        if not parked:
            return
        self._parking.alarm(parked)
        while True:
            try:
                async with self._database.transaction(Context()) as tx:
                    await self._parking.park(tx, parked)
                self._patience.over()
                return
            except Exception as error:
                if (passing := _passing(error)) is None:
                    raise
                await self._patience.wait(passing)

    def let_go(self) -> None:
        """Forgets what is held: after partitions have moved, other members have it or it comes again."""
        self._held.clear()

    async def _apply(self, records: Sequence[Record]) -> list[Record]:
        """Applies the records, sorted by stream and position; returns those to hold."""
        failures = 0
        while records:
            try:
                held = await self._transact(records)
                self._patience.over()
                return held
            except DatabaseRefused:
                raise
            except Exception as error:
                if (passing := _passing(error)) is not None:
                    await self._patience.wait(passing)
                    continue
                if len(records) > 1:
                    middle = len(records) // 2
                    return await self._apply(records[:middle]) + await self._apply(records[middle:])
                failures += 1
                rejected = isinstance(error, RecordRejected)
                if rejected or failures == _ATTEMPTS:
                    return await self._skip(records[0], error)
                _log.warning("an event failed and is tried again: %s", type(error).__name__, exc_info=error)
                await asyncio.sleep(_ATTEMPT_SECONDS)
        return []

    async def _transact(self, records: Sequence[Record]) -> list[Record]:
        streams = _by_stream(records)
        spans: Sequence[Span] = ()
        async with self._database.transaction(self._context(records)) as tx:
            cursors = await lock_cursors(tx, streams)
            sequences = [(stream, sequence(cursors[stream], some)) for stream, some in streams.items()]
            ready = [record for _, each in sequences for record in each.ready]
            if ready:
                spans = self._processing.begin(ready)
                await self._handler(tx, ready)
                await move_cursors(
                    tx, [Move(stream, cursors[stream], each.expected) for stream, each in sequences if each.ready]
                )
            parked = [
                *(
                    _parked(record, Reason.CONFLICT, "same number")
                    for _, each in sequences
                    for record in each.conflicts
                ),
                *(_parked(record, Reason.SUPERSEDED, "gap") for _, each in sequences for record in each.superseded),
            ]
            repeats = [record for _, each in sequences for record in each.repeats]
            if repeats and self._repeats is not None:
                others = [_parked(each, Reason.CONFLICT, "other bytes") for each in await self._repeats(tx, repeats)]
                # What was set aside is not known to the handler when the broker brings it again: no other bytes.
                parked += await self._parking.not_parked(tx, others)
            await self._parking.park(tx, parked)
        for span in spans:
            span.end()
        self._parking.alarm(parked)
        return [record for _, each in sequences for record in each.held]

    async def _skip(self, record: Record, error: Exception) -> list[Record]:
        """Parks one record that cannot be taken in, and moves the cursor past it if it is the next."""
        if isinstance(error, RecordRejected):
            parked = _parked(record, Reason.REJECTED, str(error))
        else:
            # The text of an unforeseen error may repeat what the record holds.
            parked = _parked(record, Reason.FAILED, type(error).__name__)
            _log.error("an event failed %d times", _ATTEMPTS, exc_info=error)
        stream = Stream(record.source, record.bucket)
        while True:
            try:
                async with self._database.transaction(Context()) as tx:
                    cursor = (await lock_cursors(tx, [stream]))[stream]
                    found = sequence(cursor, [record])
                    await self._parking.park(tx, [parked])
                    if found.ready:
                        await move_cursors(tx, [Move(stream, cursor, found.expected)])
                for span in self._processing.begin(found.ready):
                    span.end(error=parked.reason.value)
                self._parking.alarm([parked])
                return found.held
            except Exception as again:
                if (passing := _passing(again)) is None:
                    raise
                await self._patience.wait(passing)

    def _bound(self) -> None:
        while self._held and sum(_size(record) for some in self._held.values() for record in some) > self._held_bytes:
            # Held records are in order: the nearest half of each bucket stays.
            self._held = {stream: some[: len(some) // 2] for stream, some in self._held.items() if len(some) > 1}


def _by_stream(records: Sequence[Record]) -> dict[Stream, list[Record]]:
    found: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        found.setdefault(_source_and_bucket(record), []).append(record)
    return {Stream(*stream): some for stream, some in found.items()}


def _passing(error: Exception) -> Exception | None:
    """What is waited for, as it is told; None for what waiting does not mend."""
    if isinstance(error, DatabaseUnavailable | TryLater | CursorMoved):
        return error
    # Its own text may repeat a row.
    return TryLater(f"the database cannot: {type(error).__name__}") if is_the_databases(error) else None


def _size(record: Record) -> int:
    # The envelope, and about a kilobyte for the headers and the objects around it.
    return len(record.envelope) + 1024


def _parked(record: Record, reason: Reason, detail: str) -> Parked:
    if record.raw is None:
        raise ValueError("a record that was taken in has the bytes that it came as")
    stated = f"{record.source} bucket {record.bucket} number {record.position.generation}.{record.position.number}"
    return Parked(raw=record.raw, mac=mac_in(record.raw), reason=reason, detail=f"{stated}: {detail}")
