"""Logs that are held back, as stored entries of theirs are gone: looked at until they are whole again."""

import logging
from collections.abc import Collection
from uuid import UUID

from libs.merkle.frontier import TILE_BITS, TILE_WIDTH
from libs.merkle.proofs import HashesMissing, Tile
from services.audit.commands.segment import StoreSegments
from services.audit.domain.ports import UnitsOfWork
from services.audit.domain.segment import HeldLog, SegmentPart, Span
from wardenry.log.tree import HASH_BYTES, leaf_hash

_log = logging.getLogger(__name__)

#: Entries and bytes in a part of what is put back, at most: a segment has room for several. One that is too large would
#: never be written, and every other log would wait behind it.
_PART = 500
_PART_BYTES = 4 * 1024 * 1024
#: Appends go on meanwhile: what of the log waits is taken out of its part first, and more may come.
_TRIES = 5


class ReturnHeldLogs:
    """Takes up again what `StoreSegments` held back, and says what stays held back."""

    def __init__(self, *, units: UnitsOfWork, segments: StoreSegments) -> None:
        self._units = units
        self._segments = segments

    async def look(self) -> Collection[UUID]:
        """At all of them; answers those that were taken up again and stored.

        Raises ObjectsUnavailable, SegmentsAhead.
        """
        async with self._units.begin([]) as work:
            held = await work.segments.held()
        damaged = [(log, index) for log in held if (index := await self._damaged(log)) is not None]
        whole = {log.span.log for log in held} - {log.span.log for log, _ in damaged}
        if damaged:
            first, index = damaged[0]
            _log.error(
                "%d logs are held back, and no checkpoint of them is released; entry %d of log %s is missing or another"
                " than its tree says, and so since %s",
                len(damaged),
                index,
                first.span.log,
                first.held_at.isoformat(timespec="seconds"),
                extra={"alarm": "entries_missing"},
            )
        back = {log for log in whole if await self._put_back(log)}
        for log in sorted(back):
            _log.warning("log %s is whole again, and held back no longer", log)
        return back | set(await self._segments.store()) if back else back

    async def _put_back(self, log: UUID) -> bool:
        for _ in range(_TRIES):
            async with self._units.begin([log]) as work:
                await work.segments.lock()
                # Nothing is appended to it meanwhile, so what is put back stands before all that comes.
                await work.trees.lock([log])
                for held in await work.segments.held([log]):
                    if await work.segments.put_back(held, at_most=_fitting(held)):
                        return True
            await self._segments.store()
        return False

    async def _damaged(self, log: HeldLog) -> int | None:
        """Index of the first entry that is gone, there twice, or another than the tree says; None of a whole log."""
        if not await self._is_whole(log, log.damaged, log.damaged + 1):
            return log.damaged
        end = log.span.first + log.span.size
        for start in range(log.span.first // TILE_WIDTH * TILE_WIDTH, end, TILE_WIDTH):
            first, until = max(start, log.span.first), min(start + TILE_WIDTH, end)
            if await self._is_whole(log, first, until):
                continue
            for index in range(first, until):
                if not await self._is_whole(log, index, index + 1):
                    return index
        return None

    async def _is_whole(self, log: HeldLog, start: int, end: int) -> bool:
        """Whether these entries, within one tile, are the tree's."""
        tile = Tile(0, start >> TILE_BITS)
        part = SegmentPart(
            id=0,
            recorded_from=log.recorded_from,
            recorded_until=log.recorded_until,
            spans=[Span(log.span.log, start, end - start)],
        )
        async with self._units.begin([log.span.log]) as work:
            entries = await work.segments.entries([part])
            if [entry.index for entry in entries] != list(range(start, end)):
                return False
            try:
                hashes = (await work.trees.tiles(log.span.log, [tile]))[tile]
            except HashesMissing:
                return False
        first = start % TILE_WIDTH * HASH_BYTES
        return b"".join(leaf_hash(entry.leaf) for entry in entries) == hashes[first : first + len(entries) * HASH_BYTES]


def _fitting(log: HeldLog) -> int:
    """How many of its entries, which count as equally large, have room in a part; one at least."""
    return max(1, min(_PART, _PART_BYTES * log.span.size // max(1, log.size)))
