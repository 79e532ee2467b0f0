"""Tiles: the tree as static pieces, of which anybody can make any proof (C2SP tlog-tiles)."""

from uuid import UUID

from libs.merkle.frontier import TILE_BITS
from libs.merkle.proofs import Tile
from services.audit.commands.log import ProveLog
from services.audit.domain.errors import TileNotFound
from services.audit.domain.ports import UnitsOfWork
from wardenry.log.filter import EntryFilter
from wardenry.log.tree import HASH_BYTES

_LENGTH_BYTES = 2
_EVERYTHING = EntryFilter()


class ReadTiles:
    """Cuts tiles out of what the newest checkpoint covers, and nothing beyond it."""

    def __init__(self, *, units: UnitsOfWork, proving: ProveLog) -> None:
        self._units = units
        self._proving = proving

    async def hashes(self, log: UUID, tile: Tile, *, width: int) -> bytes:
        """The first `width` hashes of the tile. Raises TileNotFound."""
        await self._covered(log, tile, width)
        async with self._units.begin([log]) as work:
            found = await work.trees.tiles(log, [tile])
        return found[tile][: width * HASH_BYTES]

    async def entries(self, log: UUID, number: int, *, width: int) -> bytes:
        """The leaves under the first `width` hashes of a tile of level 0, each after its length.

        Raises TileNotFound.
        """
        await self._covered(log, Tile(0, number), width)
        start = number << TILE_BITS
        async with self._units.begin([log]) as work:
            found = await work.entries.following(log, _EVERYTHING, start=start, end=start + width, limit=width)
        return b"".join(len(entry.leaf).to_bytes(_LENGTH_BYTES, "big") + entry.leaf for entry in found)

    async def _covered(self, log: UUID, tile: Tile, width: int) -> None:
        checkpoint = await self._proving.checkpoint(log)
        if (tile.number << TILE_BITS) + width > checkpoint.size >> tile.level * TILE_BITS:
            raise TileNotFound
