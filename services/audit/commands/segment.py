"""Writing what was appended to the object store, before anybody gets a checkpoint over it."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from uuid import UUID

from services.audit.commands.segment_chain import SegmentChain
from services.audit.domain.errors import EntriesMissing, ObjectsUnavailable, SegmentsAhead
from services.audit.domain.ports import SegmentObjects, UnitsOfWork
from services.audit.domain.segment import Segment, SegmentEntry, SegmentPart, digest_of, segment_name
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

#: Parts of appends, entries and bytes in one segment, at most; at least one part, however large. Usually there is one.
#: An object must be written within seconds (services.audit.clients.segment), or it never would be.
_PARTS = 100
_ENTRIES = 5_000
_BYTES = 8 * 1024 * 1024
#: No database is restored in so many seconds.
_RECENTLY = 10.0


class StoreSegments:
    """Puts what no segment holds yet into the next one. Several processes may do it at once: they take turns."""

    def __init__(self, *, units: UnitsOfWork, objects: SegmentObjects, clock: Clock) -> None:
        self._units = units
        self._objects = objects
        self._clock = clock
        self._chain = SegmentChain(objects=objects, stored=self._stored)
        #: The chain's end in the database, and when it was last known to be the object store's too, monotonic.
        self._end: tuple[int, bytes] | None = None
        self._known_at = 0.0
        #: Whether the object store took what it was given last.
        self.available = True

    async def check(self) -> None:
        """Returns when the database knows every segment that there is. Raises SegmentsAhead, ObjectsUnavailable."""
        async with self._units.begin([]) as work:
            end = await work.segments.lock()
            await self._check(*end)

    async def store(self) -> Collection[UUID]:
        """Returns when segments hold everything that was appended before; answers the logs concerned.

        Raises ObjectsUnavailable, and what was stored until then stays stored; EntriesMissing, SegmentsAhead.
        """
        stored: set[UUID] = set()
        while logs := await self._next():
            stored |= logs
        return stored

    async def _next(self) -> set[UUID]:
        """One segment, if there is something to put into it."""
        async with self._units.begin([]) as work:
            wanted = _fitting(await work.segments.pending(limit=_PARTS))
        logs = {span.log for part in wanted for span in part.spans}
        if not wanted:
            return logs
        async with self._units.begin(logs) as work:
            number, previous = await work.segments.lock()
            await self._check(number, previous)
            parts = await work.segments.still_pending([part.id for part in wanted])
            if not parts:
                return logs
            entries = await work.segments.entries(parts)
            added = sum(part.count for part in parts)
            if len(entries) != added:
                raise EntriesMissing(f"{added} entries were added, {len(entries)} are there")
            segment = Segment(number=number, previous=previous, entries=entries)
            data = await asyncio.to_thread(segment.to_bytes)
            digest = digest_of(data)
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


def _fitting(parts: Sequence[SegmentPart]) -> list[SegmentPart]:
    chosen: list[SegmentPart] = []
    entries = size = 0
    for part in parts:
        entries, size = entries + part.count, size + part.size
        if chosen and (entries > _ENTRIES or size > _BYTES):
            break
        chosen.append(part)
    return chosen
