"""Appending to a Merkle tree without reading it: what must be remembered is one hash for each bit of its size.

docs/formats/tree.md is the specification. Hashes are stored in tiles, as in C2SP tlog-tiles: level L of the tiles holds
the roots of complete subtrees of 256**L leaves, 256 to a tile. All between is computed when a proof is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wardenry.log.tree import EMPTY_ROOT, HASH_BYTES, node_hash

#: Bits of a tile's width: 2**8 hashes side by side.
TILE_BITS = 8
TILE_WIDTH = 1 << TILE_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class HashRun:
    """Hashes that stand side by side in one tile."""

    #: Level of tiles: the hashes are of subtrees of 256**level leaves.
    level: int
    #: Number of the first hash on its level, from 0.
    first: int
    #: 32 bytes each, at most to the end of the tile.
    hashes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """A tree of `size` leaves, as its complete subtrees: one for each bit set in the size, the largest first."""

    size: int = 0
    subtrees: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.subtrees) != self.size.bit_count():
            raise ValueError(f"a frontier of {self.size} leaves has {self.size.bit_count()} subtrees")

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.subtrees:
            return EMPTY_ROOT
        *others, root = self.subtrees
        for subtree in reversed(others):
            root = node_hash(subtree, root)
        return root

    def append(self, leaves: Sequence[bytes]) -> "tuple[Frontier, list[HashRun]]":
        """The tree with these leaf hashes after its own, and the hashes to store, lower levels first."""
        size, subtrees = self.size, list(self.subtrees)
        levels: list[bytearray] = [bytearray()]
        for leaf in leaves:
            levels[0] += leaf
            node, height = leaf, 0
            while size >> height & 1:
                node, height = node_hash(subtrees.pop(), node), height + 1
                if height % TILE_BITS == 0:
                    level = height // TILE_BITS
                    if level == len(levels):
                        levels.append(bytearray())
                    levels[level] += node
            subtrees.append(node)
            size += 1
        runs = [
            run
            for level, hashes in enumerate(levels)
            for run in _runs(level=level, first=self.size >> level * TILE_BITS, hashes=bytes(hashes))
        ]
        return Frontier(size=size, subtrees=tuple(subtrees)), runs

    def to_bytes(self) -> bytes:
        """The subtrees' hashes, one after the other."""
        return b"".join(self.subtrees)

    @classmethod
    def from_bytes(cls, *, size: int, hashes: bytes) -> "Frontier":
        """The other way round. Raises ValueError when they do not fit."""
        parts = tuple(hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES))
        if parts and len(parts[-1]) != HASH_BYTES:
            raise ValueError("the frontier's bytes are not whole hashes")
        return cls(size=size, subtrees=parts)


def _runs(*, level: int, first: int, hashes: bytes) -> list[HashRun]:
    runs, number, start = [], first, 0
    while start < len(hashes):
        end = start + (TILE_WIDTH - number % TILE_WIDTH) * HASH_BYTES
        runs.append(HashRun(level=level, first=number, hashes=hashes[start:end]))
        number += len(runs[-1].hashes) // HASH_BYTES
        start = end
    return runs
