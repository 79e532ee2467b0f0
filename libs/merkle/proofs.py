"""Proofs made from stored hashes. Which tiles a proof takes is known beforehand, so many proofs take one read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.merkle.frontier import TILE_BITS, TILE_WIDTH
from wardenry.log.tree import HASH_BYTES, node_hash


class HashesMissing(Exception):
    """The store lacks hashes that a tree of this size has: it is damaged, or the size is not of this tree."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """256 hashes side by side: those numbered `number * 256` and following on their level."""

    level: int
    number: int


def tiles_for(indexes: Iterable[int], size: int) -> frozenset[Tile]:
    """The tiles that inclusion proofs of these leaves take in the tree of `size` leaves.

    A sibling shares the tile with the node on the way up, but where it ends at the right edge of the tree: there it is
    made of the tree's last complete subtrees, which stand in the last tile of each level. A consistency proof from a
    tree of m leaves takes what leaf m - 1 takes.
    """
    tiles = set()
    level = 0
    while (count := size >> level * TILE_BITS) > 0:
        above = (level + 1) * TILE_BITS
        tiles |= {Tile(level, index >> above) for index in indexes if index >> above << TILE_BITS < count}
        if count % TILE_WIDTH:
            tiles.add(Tile(level, count >> TILE_BITS))
        level += 1
    return frozenset(tiles)


class Proofs:
    """Makes proofs in the tree of one size, from its tiles; remembers each node, so that neighbours cost little."""

    def __init__(self, *, size: int, tiles: Mapping[Tile, bytes]) -> None:
        """`tiles` has at least `tiles_for` what will be asked. Tiles may be longer than this size needs."""
        self._size = size
        self._tiles = tiles
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._edges: dict[int, bytes] = {}

    def root(self) -> bytes:
        """The root of the tree. It takes the tiles of any leaf. Raises HashesMissing."""
        return self._range(0, self._size)

    def inclusion(self, index: int) -> list[bytes]:
        """RFC 6962 section 2.1.1: the siblings from the leaf up. Raises ValueError, HashesMissing."""
        if not 0 <= index < self._size:
            raise ValueError(f"a tree of {self._size} leaves has no leaf {index}")
        path: list[bytes] = []
        height, last = 0, self._size - 1
        while last >> height:
            number = index >> height
            if number & 1:
                path.append(self._node(height, number - 1))
            elif number < last >> height:
                start = number + 1 << height
                path.append(self._range(start, min(start + (1 << height), self._size)))
            height += 1
        return path

    def consistency(self, first: int) -> list[bytes]:
        """RFC 6962 section 2.1.2: that the tree of the first `first` leaves is a prefix. Raises as `inclusion`."""
        if not 0 < first <= self._size:
            raise ValueError(f"a tree of {first} leaves is no prefix of one of {self._size}")
        if first == self._size:
            return []
        # The path of the old tree's last complete subtree, and that subtree itself unless it is the whole old tree.
        height = (first & -first).bit_length() - 1
        path = [] if first == 1 << height else [self._node(height, (first >> height) - 1)]
        index, last = first - 1, self._size - 1
        while last >> height:
            number = index >> height
            if number & 1:
                path.append(self._node(height, number - 1))
            elif number < last >> height:
                start = number + 1 << height
                path.append(self._range(start, min(start + (1 << height), self._size)))
            height += 1
        return path

    def _range(self, start: int, end: int) -> bytes:
        """The root over leaves `start` to `end`, where start is a multiple of a power of two not below the length."""
        length = end - start
        if length & length - 1 == 0:
            height = length.bit_length() - 1
            return self._node(height, start >> height)
        # Not a power of two: it ends at the right edge, so `start` alone names it.
        if start not in self._edges:
            split = start + (1 << length.bit_length() - 1)
            self._edges[start] = node_hash(self._range(start, split), self._range(split, end))
        return self._edges[start]

    def _node(self, height: int, number: int) -> bytes:
        """The root of complete subtree `number` of 2**height leaves."""
        node = self._nodes.get((height, number))
        if node is None:
            if height % TILE_BITS:
                left = number << 1
                node = node_hash(self._node(height - 1, left), self._node(height - 1, left + 1))
            else:
                node = self._stored(height // TILE_BITS, number)
            self._nodes[height, number] = node
        return node

    def _stored(self, level: int, number: int) -> bytes:
        start = number % TILE_WIDTH * HASH_BYTES
        node = self._tiles.get(Tile(level, number >> TILE_BITS), b"")[start : start + HASH_BYTES]
        if len(node) != HASH_BYTES:
            raise HashesMissing(f"hash {number} of level {level} is not stored")
        return node


def assemble(parts: Sequence[tuple[int, bytes]]) -> bytes:
    """A tile from its stored runs: (place of the first hash in the tile, hashes). Raises HashesMissing for a gap."""
    tile = bytearray()
    for start, hashes in sorted(parts):
        if start * HASH_BYTES != len(tile):
            raise HashesMissing("a tile's stored runs do not join")
        tile += hashes
    return bytes(tile)
