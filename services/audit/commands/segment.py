"""Writing what was appended to the object store, before anybody gets a checkpoint over it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from uuid import UUID

from libs.merkle.proofs import Tile
from services.audit.commands.segment_chain import SegmentChain, hashes_of
from services.audit.domain.errors import ObjectsUnavailable, SegmentsAhead
from services.audit.domain.ports import SegmentObjects, UnitOfWork, UnitsOfWork
from services.audit.domain.segment import (
    Appended,
    HeldLog,
    Segment,
    SegmentEntry,
    SegmentPart,
    digest_of,
    segment_name,
)
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

#: Parts of appends, entries and bytes in one segment, at most; at least one part, however large. Usually there is one.
#: An object must be written within seconds (services.audit.clients.segment), or it never would be.
_PARTS = 100
_ENTRIES = 5_000
_BYTES = 8 * 1024 * 1024
#: Of what was appended so many bytes are remembered, at most, until a segment holds them; the rest is read back.
_REMEMBERED_BYTES = 32 * 1024 * 1024
#: What an entry takes as objects of ours, besides its leaf and messages.
_ENTRY_BYTES = 1024
#: No database is restored in so many seconds.
_RECENTLY = 10.0


class StoreSegments:
    """Puts what no segment holds yet into the next one. Several processes may do it at once: they take turns.

    A log whose entries are not all there is held back, by itself, until `segment_held` finds it whole again."""

    def __init__(self, *, units: UnitsOfWork, objects: SegmentObjects, clock: Clock) -> None:
        self._units = units
        self._objects = objects
        self._clock = clock
        self._chain = SegmentChain(objects=objects, stored=self._stored, hashed=self._hashed)
        #: The chain's end in the database, and when it was last known to be the object store's too, monotonic.
        self._end: tuple[int, bytes] | None = None
        self._known_at = 0.0
        #: What this process appended, by the part's id, the oldest first.
        self._remembered: dict[int, Appended] = {}
        self._remembered_bytes = 0
        #: Whether the object store took what it was given last.
        self.available = True

    def remember(self, appended: Sequence[Appended]) -> None:
        """What was appended and committed, so that it need not be read back."""
        for each in appended:
            self._remembered[each.part.id] = each
            self._remembered_bytes += _memory(each)
        while self._remembered_bytes > _REMEMBERED_BYTES:
            self._forget(next(iter(self._remembered)))

    def _forget(self, part: int) -> Appended | None:
        forgotten = self._remembered.pop(part, None)
        if forgotten is not None:
            self._remembered_bytes -= _memory(forgotten)
        return forgotten

    async def check(self) -> None:
        """Returns when the database knows every segment that there is. Raises SegmentsAhead, ObjectsUnavailable."""
        async with self._units.begin([]) as work:
            end = await work.segments.lock()
            await self._check(*end)

    async def store(self) -> Collection[UUID]:
        """Returns when segments hold everything that was appended before; answers the logs concerned.

        But for logs that are held back. Raises ObjectsUnavailable, and what was stored until then stays stored;
        SegmentsAhead.
        """
        stored: set[UUID] = set()
        while logs := await self._next():
            stored |= logs
        return stored

    async def _next(self) -> set[UUID]:
        """One segment, if there is something to put into it."""
        async with self._units.begin([]) as work:
            wanted = _fitting(await work.segments.pending(limit=_PARTS))
        # What waits longest stands first: what was appended before it other processes have stored.
        for number in [each for each in self._remembered if not wanted or each < wanted[0].id]:
            self._forget(number)
        logs = {span.log for part in wanted for span in part.spans}
        if not wanted:
            return logs
        async with self._units.begin(logs) as work:
            number, previous = await work.segments.lock()
            await self._check(number, previous)
            parts = await work.segments.still_pending([part.id for part in wanted])
            if not parts:
                return logs
            parts, entries = await self._whole(work, parts)
            if not parts:
                return logs
            segment = Segment(number=number, previous=previous, entries=entries)
            data, digest = await asyncio.to_thread(_written, segment)
            try:
                await self._objects.put(segment_name(number, digest), data)
            except ObjectsUnavailable:
                self.available = False
                raise
            self.available = True
            # Killed before this commits, the object is an orphan: the next segment takes its number under another name.
            await work.segments.add(
                number, digest=digest, entries=len(entries), parts=parts, stored_at=self._clock.now()
            )
        self._known(number + 1, digest)
        return logs

    async def _entries(
        self, work: UnitOfWork, parts: Sequence[SegmentPart]
    ) -> tuple[Sequence[SegmentEntry], Mapping[UUID, int]]:
        """The parts' entries, in their order, and of which logs one is not there, or twice, with the first such.

        What this process appended is not read: whether it is there is looked at, and it is what was committed. A part
        is the remembered one when all of it is the same: a database that was restored gives its number again."""
        own = [each for part in parts if (each := self._forget(part.id)) and each.part == part]
        there = await work.segments.whole([each.part for each in own]) if own else ()
        remembered = {each.part.id: each for each in own if each.part.id in there}
        entries: list[SegmentEntry] = []
        damaged: dict[UUID, int] = {}
        for is_own, some in groupby(parts, key=lambda part: part.id in remembered):
            if is_own:
                entries += [entry for part in some for entry in remembered[part.id].as_stored()]
            else:
                unknown = list(some)
                read = await work.segments.entries(unknown)
                damaged = _damaged(unknown, read) | damaged
                entries += read
        return entries, damaged

    async def _whole(
        self, work: UnitOfWork, parts: Sequence[SegmentPart]
    ) -> tuple[Sequence[SegmentPart], Sequence[SegmentEntry]]:
        """What of the parts a segment may hold. Nothing of a log of which something is held back: its entries stand in
        segments in their order."""
        entries, damaged = await self._entries(work, parts)
        out = {each.span.log for each in await work.segments.held({span.log for part in parts for span in part.spans})}
        for log in damaged.keys() - out:
            _log.error(
                "log %s is held back, and no checkpoint of it is released: entry %d is missing",
                log,
                damaged[log],
                extra={"alarm": "entries_missing"},
            )
        out |= damaged.keys()
        if not out:
            return parts, entries
        kept = []
        for part in parts:
            for span in part.spans:
                if span.log in out:
                    await work.segments.hold(
                        HeldLog(
                            span=span,
                            damaged=max(span.first, damaged.get(span.log, 0)),
                            recorded_from=part.recorded_from,
                            recorded_until=part.recorded_until,
                            size=part.size,
                            held_at=self._clock.now(),
                        )
                    )
            spans = [span for span in part.spans if span.log not in out]
            if len(spans) < len(part.spans):
                await work.segments.keep(part.id, spans)
            if spans:
                kept.append(replace(part, spans=spans))
        return kept, [entry for entry in entries if entry.log not in out]

    async def _check(self, number: int, previous: bytes) -> None:
        """Of the chain's end, under its lock. One that has grown needs no look: who made it longer had one."""
        recently = self._clock.monotonic() - self._known_at < _RECENTLY
        grown = self._end is not None and number > self._end[0]
        if not grown and not (recently and (number, previous) == self._end):
            later = await self._chain.later(number)
            if later:
                raise SegmentsAhead(f"the database knows {number} segments, and the object store has {later[0]}")
        self._known(number, previous)

    def _known(self, number: int, previous: bytes) -> None:
        self._end, self._known_at = (number, previous), self._clock.monotonic()

    async def _stored(self, parts: Sequence[SegmentPart]) -> Sequence[SegmentEntry]:
        async with self._units.begin({span.log for part in parts for span in part.spans}) as work:
            return await work.segments.entries(parts)

    async def _hashed(self, wanted: Mapping[UUID, Collection[Tile]]) -> Mapping[tuple[UUID, Tile], bytes]:
        async with self._units.begin(wanted) as work:
            return await hashes_of(work.trees, wanted)


def _written(segment: Segment) -> tuple[bytes, bytes]:
    """Its bytes and their digest."""
    data = segment.to_bytes()
    return data, digest_of(data)


def _damaged(parts: Sequence[SegmentPart], entries: Sequence[SegmentEntry]) -> dict[UUID, int]:
    """Logs of which an entry is not there, or twice, and the index of the first such."""
    added = [
        (span.log, index)
        for part in parts
        for span in part.spans
        for index in range(span.first, span.first + span.size)
    ]
    there = [(entry.log, entry.index) for entry in entries]
    if added == there:
        return {}
    counted = Counter(there)
    damaged: dict[UUID, int] = {}
    for log, index in added:
        if counted[log, index] != 1:
            damaged[log] = min(index, damaged.get(log, index))
    return damaged


def _fitting(parts: Sequence[SegmentPart]) -> list[SegmentPart]:
    chosen: list[SegmentPart] = []
    entries = size = 0
    for part in parts:
        entries, size = entries + part.count, size + part.size
        if chosen and (entries > _ENTRIES or size > _BYTES):
            break
        chosen.append(part)
    return chosen


def _memory(appended: Appended) -> int:
    return appended.part.size + _ENTRY_BYTES * len(appended.entries)
