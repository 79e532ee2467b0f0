"""Segments: the chain in the object store, against the rows."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from libs.db.pool import Database
from libs.events.event import SearchTags
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
from services.audit.fsck.report import FsckReport
from services.audit.fsck.tree import reading
from services.audit.store.segment import PostgresSegments

_BATCH = 1000
_PARTS = """
SELECT id, recorded_from, recorded_until, logs, firsts, counts, segment FROM segment_part
WHERE id > $1 ORDER BY id LIMIT $2
"""
_HELD = """
SELECT id, recorded_from, recorded_until, logs, firsts, counts FROM segment_part WHERE segment = $1 ORDER BY id
"""
_SEGMENTS = "SELECT number, digest, entries FROM segment WHERE number >= $1 ORDER BY number LIMIT $2"


async def check_release(database: Database, sizes: Mapping[UUID, tuple[int, int]], report: FsckReport) -> None:
    """That segments hold all. `sizes` has each log's size and that of its largest checkpoint, read before this."""
    added: dict[UUID, int] = {}
    held: dict[UUID, int] = {}
    last = 0
    async with reading(database) as tx:
        while rows := await tx.fetch(_PARTS, last, _BATCH):
            last = rows[-1]["id"]
            for row in rows:
                for log, first, count in zip(row["logs"], row["firsts"], row["counts"], strict=True):
                    if first != added.get(log, 0):
                        report.fail("release", log, f"after {added.get(log, 0)} entries a segment goes on at {first}")
                    added[log] = first + count
                    if row["segment"] is not None and first == held.get(log, 0):
                        held[log] = first + count
    for log, (size, covered) in sizes.items():
        report.made["release"] += 1
        if added.get(log, 0) < size:
            report.fail("release", log, f"of {size} entries no segment will hold those from {added.get(log, 0)}")
        if held.get(log, 0) < covered:
            text = f"a checkpoint covers {covered} entries, segments hold {held.get(log, 0)}"
            report.fail("release", log, text)


class CheckSegments:
    """Follows the chain from its beginning."""

    def __init__(self, *, database: Database, objects: SegmentObjects, report: FsckReport) -> None:
        self._database = database
        self._objects = objects
        self._report = report
        self._previous = BEFORE_ALL

    async def check(self) -> None:
        number = 0
        while True:
            async with reading(self._database) as tx:
                rows = await tx.fetch(_SEGMENTS, number, _BATCH)
            for row in rows:
                if row["number"] != number:
                    self._fail(number, "its row is missing")
                try:
                    await self._segment(row["number"], row["digest"], row["entries"])
                except ObjectsUnavailable as error:
                    self._report.unchecked["segment"] = f"the object store: {error}"
                    return
                number = row["number"] + 1
                self._previous = row["digest"]
            if not rows:
                return

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
        async with reading(self._database, *{span.log for span in spans}) as tx:
            rows = await PostgresSegments(tx=tx).entries(parts)
        self._compare(segment, rows)

    def _compare(self, segment: Segment, rows: Sequence[SegmentEntry]) -> None:
        stored = {(row.log, row.index): row for row in rows}
        for entry in segment.entries:
            row = stored.get((entry.log, entry.index))
            if row is None or (row.leaf, row.recorded_at) != (entry.leaf, entry.recorded_at):
                self._report.fail("segment", entry.log, f"entry {entry.index} is another in segment {segment.number}")
            elif (row.sealed, row.tags) not in ((entry.sealed, entry.tags), ((), SearchTags())):
                # Retention takes the whole row beside a leaf; what is there is what was.
                text = f"the values of entry {entry.index} are others in segment {segment.number}"
                self._report.fail("segment", entry.log, text)

    def _fail(self, number: int, text: str) -> None:
        self._report.fail("segment", None, f"segment {number}: {text}")
