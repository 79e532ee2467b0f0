"""Whether the database knows every segment that the object store has."""

from collections.abc import Awaitable, Callable, Sequence

from services.audit.domain.ports import SegmentObjects
from services.audit.domain.segment import (
    Segment,
    SegmentEntry,
    SegmentInvalid,
    SegmentPart,
    Span,
    digest_of,
    named,
)

#: What the database has of these parts, in their order.
Stored = Callable[[Sequence[SegmentPart]], Awaitable[Sequence[SegmentEntry]]]


class SegmentChain:
    """A database that was restored to an earlier point has fewer segments than the object store. It would number other
    entries as others were numbered, and sign another tree of a size that was signed: two histories of one log."""

    def __init__(self, *, objects: SegmentObjects, stored: Stored) -> None:
        """`stored` reads the database, under the logs that the parts name."""
        self._objects = objects
        self._stored = stored

    async def later(self, number: int) -> Sequence[str]:
        """Objects that are segments after all that the database knows, whose next one has this number.

        One of this number alone, whose entries are all there, is none: its process was killed before it noted it.
        Raises ObjectsUnavailable.
        """
        return await self.among(await self._objects.names_from(number), number)

    async def among(self, names: Sequence[str], number: int) -> Sequence[str]:
        """The same, of these objects. Raises ObjectsUnavailable."""
        found = [(name, segment) for name in names if (segment := named(name)) is not None and segment[0] >= number]
        return [name for name, (at, digest) in found if at > number or not await self._is_orphan(name, digest)]

    async def _is_orphan(self, name: str, digest: bytes) -> bool:
        data = await self._objects.get(name)
        if data is None or digest_of(data) != digest:
            # Nobody was told that it is stored.
            return True
        try:
            entries = Segment.parse(data).entries
        except SegmentInvalid:
            return False
        rows = await self._stored([_part(entry) for entry in entries])
        return [(row.log, row.index, row.leaf) for row in rows] == [
            (each.log, each.index, each.leaf) for each in entries
        ]


def _part(entry: SegmentEntry) -> SegmentPart:
    return SegmentPart(
        id=0, recorded_from=entry.recorded_at, recorded_until=entry.recorded_at, spans=[Span(entry.log, entry.index, 1)]
    )
