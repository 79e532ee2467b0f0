"""Taking events into their logs."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from libs.events.record import Record
from services.audit.domain.entry import CLOCK_SKEW, NewEntry
from services.audit.domain.errors import EventRefused
from services.audit.domain.ports import UnitOfWork
from services.audit.domain.segment import Span
from services.audit.domain.source import Sources
from wardenry.clock import Clock
from wardenry.log.tree import leaf_hash

#: Of one append that go into a segment together, at most, unless one entry has more.
_PART_BYTES = 4 * 1024 * 1024


class AppendEvents:
    """Appends events to the trees and tables of many logs at once, each event once."""

    def __init__(self, *, sources: Sources, clock: Clock) -> None:
        self._sources = sources
        self._clock = clock

    async def append(self, work: UnitOfWork, records: Sequence[Record]) -> None:
        """Appends each log's events in the given order, in the caller's transaction. An event that its log holds
        already, by id and with the same leaf, is passed over.

        Raises EventRefused for an event that may not enter, and then nothing of this may stand; TreeMoved.
        """
        accepted = [self._sources.accept(record) for record in records]
        fresh = _fresh(accepted, await self._known(work, accepted))
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
            return
        await work.trees.grow(changes)
        await work.trees.store(runs)
        recorded_at = self._clock.now()
        await work.entries.add(numbered, recorded_at=recorded_at)
        for spans, size in _parts(numbered):
            await work.segments.enqueue(spans, recorded_at=recorded_at, size=size)

    async def other_than_known(self, work: UnitOfWork, records: Sequence[Record]) -> Sequence[Record]:
        """Those among repeated records that do not say what their log holds under their event's id."""
        leaves: list[NewEntry | None] = [self._accepted(record) for record in records]
        known = await self._known(work, [entry for entry in leaves if entry is not None])
        return [
            record
            for record, entry in zip(records, leaves, strict=True)
            if entry is None or known.get((entry.log, entry.event_id)) != entry.leaf
        ]

    def _accepted(self, record: Record) -> NewEntry | None:
        try:
            return self._sources.accept(record)
        except EventRefused:
            return None

    async def _known(self, work: UnitOfWork, entries: Sequence[NewEntry]) -> Mapping[tuple[UUID, UUID], bytes]:
        if not entries:
            return {}
        now = self._clock.now()
        return await work.entries.leaves(
            [(entry.log, entry.event_id) for entry in entries],
            since=min(now, *(entry.occurred_at for entry in entries)) - CLOCK_SKEW,
            until=now + CLOCK_SKEW,
        )


def _parts(numbered: Sequence[tuple[int, NewEntry]]) -> Iterator[tuple[list[Span], int]]:
    """The entries, which stand log by log, as spans of parts that a segment can take one by one."""
    spans: list[Span] = []
    size = 0
    for index, entry in numbered:
        if spans and size + entry.size > _PART_BYTES:
            yield spans, size
            spans, size = [], 0
        if spans and spans[-1].log == entry.log:
            spans[-1] = spans[-1]._replace(size=spans[-1].size + 1)
        else:
            spans.append(Span(entry.log, index, 1))
        size += entry.size
    yield spans, size


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
