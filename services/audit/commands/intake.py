"""Taking events into their logs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from libs.events.record import Record
from services.audit.domain.entry import CLOCK_SKEW, NewEntry
from services.audit.domain.errors import EventRefused
from services.audit.domain.ports import UnitOfWork
from services.audit.domain.segment import Appended, Span
from services.audit.domain.source import Sources
from wardenry.clock import Clock
from wardenry.log.tree import leaf_hash

_FIRST_GENERATION = 1
#: Nothing was recorded before or will be after.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
#: Of one append that go into a segment together, at most, unless one entry has more.
_PART_BYTES = 4 * 1024 * 1024


class AppendEvents:
    """Appends events to the trees and tables of many logs at once, each event once."""

    def __init__(self, *, sources: Sources, clock: Clock) -> None:
        self._sources = sources
        self._clock = clock

    async def append(self, work: UnitOfWork, records: Sequence[Record], *, late: bool = False) -> Sequence[Appended]:
        """Appends each log's events in the given order, in the caller's transaction. An event that its log holds
        already, by id and with the same leaf, is passed over; `late` ones may have entered at any time. Answers what
        waits for a segment, if this commits.

        Raises EventRefused for an event that may not enter, and then nothing of this may stand; TreeMoved.
        """
        accepted = [self._entry(record) for record in records]
        # A source that was restored sends again what it did long ago; else the cursors keep out what comes again.
        again = late or any(record.position.generation > _FIRST_GENERATION for record in records)
        fresh = _fresh(accepted, await self._known(work, accepted, ever=again))
        logs: dict[UUID, list[NewEntry]] = {}
        for entry in fresh:
            logs.setdefault(entry.log, []).append(entry)
        frontiers = await work.trees.lock(logs)
        changes, runs = {}, []
        numbered: list[tuple[int, NewEntry]] = []
        for log, entries in logs.items():
            was = frontiers[log]
            now, stored = was.append([leaf_hash(entry.leaf) for entry in entries])
            changes[log] = (was, now)
            runs += [(log, run) for run in stored]
            numbered += enumerate(entries, start=was.size)
        if not numbered:
            return []
        await work.trees.grow(changes)
        await work.trees.store(runs)
        recorded_at = self._clock.now()
        await work.entries.add(numbered, recorded_at=recorded_at)
        appended, start = [], 0
        for spans, size in _parts(numbered):
            part = await work.segments.enqueue(spans, recorded_at=recorded_at, size=size)
            end = start + part.count
            appended.append(Appended(part, numbered[start:end]))
            start = end
        return appended

    async def other_than_known(self, work: UnitOfWork, records: Sequence[Record]) -> Sequence[Record]:
        """Those among repeated records that do not say what their log holds under their event's id."""
        leaves: list[NewEntry | None] = [self._accepted(record) for record in records]
        entries = [entry for entry in leaves if entry is not None]
        known = dict(await self._known(work, entries, ever=False))
        known |= await self._known(
            work, [each for each in entries if (each.log, each.event_id) not in known], ever=True
        )
        return [
            record
            for record, entry in zip(records, leaves, strict=True)
            if entry is None or known.get((entry.log, entry.event_id)) != entry.leaf
        ]

    def prepare(self, record: Record) -> None:
        """Reads the leaf of one that will be appended, whose MAC was verified. What is wrong with it is told then."""
        with suppress(Exception):
            record.prepared = self._sources.accept(record)

    def _entry(self, record: Record) -> NewEntry:
        prepared = record.prepared
        return prepared if isinstance(prepared, NewEntry) else self._sources.accept(record)

    def _accepted(self, record: Record) -> NewEntry | None:
        try:
            return self._entry(record)
        except EventRefused:
            return None

    async def _known(
        self, work: UnitOfWork, entries: Sequence[NewEntry], *, ever: bool
    ) -> Mapping[tuple[UUID, UUID], bytes]:
        """What their logs hold of them: recorded at any time, which looks into every month; or, as far as clocks were
        less than a day wrong, since they happened. A clock that was ahead may have recorded them in the future."""
        if not entries:
            return {}
        since = min(self._clock.now(), *(entry.occurred_at for entry in entries)) - CLOCK_SKEW
        return await work.entries.leaves(
            [(entry.log, entry.event_id) for entry in entries], since=_EARLIEST if ever else since, until=_LATEST
        )


def _parts(numbered: Sequence[tuple[int, NewEntry]]) -> Iterator[tuple[list[Span], int]]:
    """The entries, which stand log by log, as spans of parts that a segment can take one by one."""
    spans: list[Span] = []
    log, first, count, size = numbered[0][1].log, numbered[0][0], 0, 0
    for index, entry in numbered:
        more = entry.size
        full = count > 0 and size + more > _PART_BYTES
        if full or entry.log != log:
            spans.append(Span(log, first, count))
            log, first, count = entry.log, index, 0
        if full:
            yield spans, size
            spans, size = [], 0
        count += 1
        size += more
    yield [*spans, Span(log, first, count)], size


def _fresh(entries: Sequence[NewEntry], known: Mapping[tuple[UUID, UUID], bytes]) -> list[NewEntry]:
    seen = dict(known)
    fresh = []
    for entry in entries:
        key = (entry.log, entry.event_id)
        if key not in seen:
            seen[key] = entry.leaf
            fresh.append(entry)
        elif seen[key] != entry.leaf:
            raise EventRefused("the log holds another entry under this event's id")
    return fresh
