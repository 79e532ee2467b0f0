"""Whether the database knows every segment that the object store has."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from uuid import UUID

from libs.merkle.frontier import TILE_BITS, TILE_WIDTH
from libs.merkle.proofs import HashesMissing, Tile
from services.audit.domain.ports import SegmentObjects, Trees
from services.audit.domain.segment import (
    Segment,
    SegmentEntry,
    SegmentInvalid,
    SegmentPart,
    Span,
    digest_of,
    named,
)
from wardenry.log.tree import HASH_BYTES, leaf_hash

#: What the database has of these parts, in their order.
Stored = Callable[[Sequence[SegmentPart]], Awaitable[Sequence[SegmentEntry]]]
#: What the database has of these tiles of each log's tree: as long as they are, and absent where hashes are lost.
Hashed = Callable[[Mapping[UUID, Collection[Tile]]], Awaitable[Mapping[tuple[UUID, Tile], bytes]]]


class SegmentChain:
    """A database that was restored to an earlier point has fewer segments than the object store. It would number other
    entries as others were numbered, and sign another tree of a size that was signed: two histories of one log."""

    def __init__(self, *, objects: SegmentObjects, stored: Stored, hashed: Hashed) -> None:
        """`stored` and `hashed` read the database, under the logs that they are asked about."""
        self._objects = objects
        self._stored = stored
        self._hashed = hashed

    async def later(self, number: int) -> Sequence[str]:
        """Objects that are segments after all that the database knows, whose next one has this number.

        One of this number alone, whose entries are in their trees, is none: its process was killed before it noted it.
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
        return await self._are_known(entries)

    async def _are_known(self, entries: Sequence[SegmentEntry]) -> bool:
        """Whether their trees have them. A tree goes back with a database that is restored, and stays when an entry is
        lost: that holds up this entry's log alone (services.audit.commands.segment)."""
        tiles: dict[UUID, set[Tile]] = {}
        for entry in entries:
            tiles.setdefault(entry.log, set()).add(_tile(entry))
        hashes = await self._hashed(tiles)
        lost = []
        for entry in entries:
            hashed = _hash_in(hashes, entry)
            if not hashed:
                lost.append(entry)
            elif hashed != leaf_hash(entry.leaf):
                return False
        # A hash is lost, or the tree is not that large: what stands at its place was appended there.
        rows = await self._stored([_part(entry) for entry in lost]) if lost else ()
        return [(row.log, row.index, row.leaf) for row in rows] == [(each.log, each.index, each.leaf) for each in lost]


async def hashes_of(trees: Trees, wanted: Mapping[UUID, Collection[Tile]]) -> Mapping[tuple[UUID, Tile], bytes]:
    """As SegmentChain wants them; the unit of work names the logs."""
    found: dict[tuple[UUID, Tile], bytes] = {}
    for log, tiles in wanted.items():
        try:
            found |= {(log, tile): data for tile, data in (await trees.tiles(log, tiles)).items()}
        except HashesMissing:
            continue
    return found


def _tile(entry: SegmentEntry) -> Tile:
    return Tile(0, entry.index >> TILE_BITS)


def _hash_in(hashes: Mapping[tuple[UUID, Tile], bytes], entry: SegmentEntry) -> bytes:
    """Empty where there is none."""
    start = entry.index % TILE_WIDTH * HASH_BYTES
    return hashes.get((entry.log, _tile(entry)), b"")[start : start + HASH_BYTES]


def _part(entry: SegmentEntry) -> SegmentPart:
    return SegmentPart(
        id=0, recorded_from=entry.recorded_at, recorded_until=entry.recorded_at, spans=[Span(entry.log, entry.index, 1)]
    )
