"""Segments: the chain in the object store, against the rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.event import SearchTags
from libs.merkle.proofs import Tile
from services.audit.commands.segment_chain import SegmentChain, hashes_of
from services.audit.domain.errors import ObjectsUnavailable
from services.audit.domain.ports import SegmentObjects
from services.audit.domain.segment import (
    BEFORE_ALL,
    Segment,
    SegmentEntry,
    SegmentInvalid,
    SegmentPart,
    Span,
    digest_of,
    segment_name,
)
from services.audit.fsck.progress import Progress
from services.audit.fsck.report import FsckReport
from services.audit.fsck.tree import reading
from services.audit.store.log import PostgresTrees
from services.audit.store.segment import PostgresSegments

_BATCH = 1000
#: What retention leaves alone (services/audit/migrations/0002_entry.sql), but for a leap day.
_LEAST_RETENTION = timedelta(days=365)
_PARTS = """
SELECT id, recorded_from, recorded_until, logs, firsts, counts, segment FROM segment_part
WHERE id > $1 ORDER BY id LIMIT $2
"""
_HELD = """
SELECT id, recorded_from, recorded_until, logs, firsts, counts FROM segment_part WHERE segment = $1 ORDER BY id
"""
_HELD_BACK = "SELECT log_id, first, count, damaged, held_at FROM segment_held ORDER BY held_at, log_id"
_DANGLING = "SELECT DISTINCT segment FROM segment_part WHERE segment >= $1 ORDER BY segment LIMIT 10"
_NEXT = "SELECT COALESCE(max(number) + 1, 0) FROM segment"
_SIZE = "SELECT size FROM tree_head WHERE log_id = $1"
_SEGMENTS = "SELECT number, digest, entries FROM segment WHERE number >= $1 ORDER BY number LIMIT $2"


async def check_release(database: Database, sizes: Mapping[UUID, tuple[int, int]], report: FsckReport) -> None:
    """That segments hold all, and nothing else. `sizes` has each log's size and that of its largest checkpoint, read
    before this."""
    async with reading(database) as tx:
        back = await _held_back(tx, report)
        added, held = await _added(tx, back, report)
    for log, (size, covered) in sizes.items():
        report.made["release"] += 1
        if added.get(log, 0) < size:
            report.fail("release", log, f"of {size} entries no segment will hold those from {added.get(log, 0)}")
        if held.get(log, 0) < covered:
            text = f"a checkpoint covers {covered} entries, segments hold {held.get(log, 0)}"
            report.fail("release", log, text)
    for log, noted in added.items():
        if noted > sizes.get(log, (0, 0))[0]:
            # Appended meanwhile, or never: then the log is held back for it.
            async with reading(database, log) as tx:
                size = await tx.fetchval(_SIZE, log) or 0
            if noted > size:
                report.fail("release", log, f"{noted} entries wait for segments or are in some, {size} are there")


async def _held_back(tx: Transaction, report: FsckReport) -> Mapping[UUID, tuple[int, int]]:
    """Where what is held back of each log begins, and where it ends."""
    rows = await tx.fetch(_HELD_BACK)
    for row in rows:
        text = f"no checkpoint is released since {row['held_at']:%Y-%m-%d %H:%M}: entry {row['damaged']} was missing"
        report.fail("release", row["log_id"], text)
    return {row["log_id"]: (row["first"], row["first"] + row["count"]) for row in rows}


async def _added(
    tx: Transaction, back: Mapping[UUID, tuple[int, int]], report: FsckReport
) -> tuple[Mapping[UUID, int], Mapping[UUID, int]]:
    """How many entries of each log wait for segments or are in some, and how many are in some."""
    added: dict[UUID, int] = {}
    held: dict[UUID, int] = {}
    last = 0
    while rows := await tx.fetch(_PARTS, last, _BATCH):
        last = rows[-1]["id"]
        for row in rows:
            for log, first, count in zip(row["logs"], row["firsts"], row["counts"], strict=True):
                if (added.get(log, 0), first) == back.get(log):
                    # What was appended since has not been taken out of its part yet.
                    added[log] = first
                if first != added.get(log, 0):
                    report.fail("release", log, f"after {added.get(log, 0)} entries a segment goes on at {first}")
                added[log] = first + count
                if row["segment"] is not None and first == held.get(log, 0):
                    held[log] = first + count
    for log, (first, end) in back.items():
        if first == added.get(log, 0):
            added[log] = end
    return added, held


class CheckSegments:
    """Follows the chain from its beginning, and looks for more than there should be."""

    def __init__(
        self, *, database: Database, objects: SegmentObjects, report: FsckReport, now: datetime, progress: Progress
    ) -> None:
        self._database = database
        self._objects = objects
        self._report = report
        self._now = now
        self._progress = progress
        self._previous = BEFORE_ALL

    async def check(self) -> None:
        try:
            await self._chain()
            await self._later()
        except ObjectsUnavailable as error:
            self._report.unchecked["segment"] = f"the object store: {error}"

    async def _chain(self) -> None:
        """Raises ObjectsUnavailable."""
        number, end = 0, await self._next()
        while True:
            async with reading(self._database) as tx:
                rows = await tx.fetch(_SEGMENTS, number, _BATCH)
                dangling = [] if rows else await tx.fetch(_DANGLING, number)
            for row in dangling:
                self._fail(row["segment"], "its row is missing")
            for row in rows:
                if row["number"] != number:
                    self._fail(number, "its row is missing")
                self._progress(f"segments, {number:,} of {max(end, number):,}")
                await self._segment(row["number"], row["digest"], row["entries"])
                number = row["number"] + 1
                self._previous = row["digest"]
            if not rows:
                return

    async def _later(self) -> None:
        """Segments that no row names. The service may go on: what is listed before the rows are read is noted by then,
        but for the very last. Raises ObjectsUnavailable."""
        names = await self._objects.names_from(await self._next())
        number = await self._next()
        chain = SegmentChain(objects=self._objects, stored=self._rows, hashed=self._hashed)
        for name in await chain.among(names, number):
            self._report.fail("segment", None, f"{name} is in the object store and no row knows it")

    async def _next(self) -> int:
        async with reading(self._database) as tx:
            number: int = await tx.fetchval(_NEXT)
        return number

    async def _segment(self, number: int, digest: bytes, count: int) -> None:
        self._report.made["segment"] += 1
        self._report.segments += 1
        data = await self._objects.get(segment_name(number, digest))
        if data is None:
            self._fail(number, "it is not in the object store")
            return
        try:
            segment = Segment.parse(data)
        except SegmentInvalid as error:
            self._fail(number, str(error))
            return
        if digest_of(data) != digest:
            self._fail(number, "its bytes are others than were stored")
        elif (segment.number, segment.previous) != (number, self._previous):
            self._fail(number, "it is of another place in the chain")
        else:
            await self._entries(segment, count)

    async def _entries(self, segment: Segment, count: int) -> None:
        async with reading(self._database) as tx:
            parts = [
                SegmentPart(
                    id=row["id"],
                    recorded_from=row["recorded_from"],
                    recorded_until=row["recorded_until"],
                    spans=[Span(*span) for span in zip(row["logs"], row["firsts"], row["counts"], strict=True)],
                )
                for row in await tx.fetch(_HELD, segment.number)
            ]
        spans = [span for part in parts for span in part.spans]
        places = [(span.log, span.first + place) for span in spans for place in range(span.size)]
        if places != [(entry.log, entry.index) for entry in segment.entries] or len(places) != count:
            self._fail(segment.number, "it holds other entries than its row says")
            return
        self._compare(segment, await self._rows(parts))

    async def _rows(self, parts: Sequence[SegmentPart]) -> Sequence[SegmentEntry]:
        async with reading(self._database, *{span.log for part in parts for span in part.spans}) as tx:
            return await PostgresSegments(tx=tx).entries(parts)

    async def _hashed(self, wanted: Mapping[UUID, Collection[Tile]]) -> Mapping[tuple[UUID, Tile], bytes]:
        async with reading(self._database, *wanted) as tx:
            return await hashes_of(PostgresTrees(tx=tx), wanted)

    def _compare(self, segment: Segment, rows: Sequence[SegmentEntry]) -> None:
        stored = {(row.log, row.index): row for row in rows}
        for entry in segment.entries:
            row = stored.get((entry.log, entry.index))
            if row is None or (row.leaf, row.recorded_at) != (entry.leaf, entry.recorded_at):
                self._report.fail("segment", entry.log, f"entry {entry.index} is another in segment {segment.number}")
            elif (row.sealed, row.tags) != (entry.sealed, entry.tags) and not self._is_expired(row):
                text = f"the values of entry {entry.index} are others in segment {segment.number}"
                self._report.fail("segment", entry.log, text)

    def _is_expired(self, row: SegmentEntry) -> bool:
        """Retention takes the whole row beside a leaf, and none that is younger than a year."""
        return (row.sealed, row.tags) == ((), SearchTags()) and row.recorded_at < self._now - _LEAST_RETENTION

    def _fail(self, number: int, text: str) -> None:
        self._report.fail("segment", None, f"segment {number}: {text}")
