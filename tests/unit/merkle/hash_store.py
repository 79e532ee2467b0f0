"""Hash runs kept in memory as a database keeps them, and given back as tiles."""

from collections.abc import Iterable

from libs.merkle.frontier import TILE_BITS, TILE_WIDTH, HashRun
from libs.merkle.proofs import Tile, assemble
from wardenry.log.tree import HASH_BYTES


class HashStore:
    def __init__(self) -> None:
        self._parts: dict[Tile, list[tuple[int, bytes]]] = {}

    def add(self, runs: Iterable[HashRun]) -> None:
        for run in runs:
            tile = Tile(run.level, run.first >> TILE_BITS)
            self._parts.setdefault(tile, []).append((run.first % TILE_WIDTH, run.hashes))

    def tiles(self, wanted: Iterable[Tile]) -> dict[Tile, bytes]:
        return {tile: assemble(self._parts[tile]) for tile in wanted if tile in self._parts}

    def longest(self) -> int:
        """Hashes in the fullest tile."""
        return max(len(assemble(parts)) // HASH_BYTES for parts in self._parts.values())
