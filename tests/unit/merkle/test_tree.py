"""Appending and proving, against RFC 6962 as it is written."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.merkle.frontier import Frontier
from libs.merkle.proofs import HashesMissing, Proofs, Tile, assemble, tiles_for
from tests.unit.merkle import naive_tree
from tests.unit.merkle.hash_store import HashStore
from wardenry.log.tree import RootBuilder, leaf_hash, verify_consistency, verify_inclusion

LEAVES = [leaf_hash(index.to_bytes(4, "big")) for index in range(300)]


def grown(sizes: list[int], leaves: list[bytes]) -> tuple[Frontier, HashStore]:
    """The tree after batches that end at these sizes."""
    frontier, store = Frontier(), HashStore()
    for start, end in itertools.pairwise([0, *sizes]):
        frontier, runs = frontier.append(leaves[start:end])
        store.add(runs)
    return frontier, store


def test_every_size_to_300_has_the_root_and_proofs_of_the_written_algorithm() -> None:
    frontier, store = Frontier(), HashStore()
    rebuilt = RootBuilder()
    for size in range(1, 301):
        frontier, runs = frontier.append(LEAVES[size - 1 : size])
        store.add(runs)
        rebuilt.extend(LEAVES[size - 1 : size])
        leaves = LEAVES[:size]
        root = naive_tree.root(leaves)
        assert frontier.root() == rebuilt.root() == root
        chosen = {0, size - 1, size // 2, size // 3, size * 7 // 8, size * 97 % 101 % size}
        proofs = Proofs(size=size, tiles=store.tiles(tiles_for(chosen, size)))
        assert proofs.root() == root
        for index in chosen:
            path = proofs.inclusion(index)
            assert path == naive_tree.inclusion(index, leaves)
            verify_inclusion(leaf=leaves[index], index=index, size=size, proof=path, root=root)
        first = 1 + size * 53 % 211 % size
        path = Proofs(size=size, tiles=store.tiles(tiles_for([first - 1], size))).consistency(first)
        assert path == naive_tree.consistency(first, leaves)
        verify_consistency(
            first_size=first,
            first_root=naive_tree.root(leaves[:first]),
            second_size=size,
            second_root=root,
            proof=path,
        )


def test_all_proofs_of_small_trees() -> None:
    for size in range(1, 34):
        leaves = LEAVES[:size]
        _, store = grown([size], leaves)
        for index in range(size):
            tiles = store.tiles(tiles_for([index], size))
            assert Proofs(size=size, tiles=tiles).inclusion(index) == naive_tree.inclusion(index, leaves)
            assert Proofs(size=size, tiles=tiles).consistency(index + 1) == naive_tree.consistency(index + 1, leaves)


def test_three_levels_of_tiles() -> None:
    leaves = [leaf_hash(index.to_bytes(4, "big")) for index in range(66_000)]
    frontier, store = grown([1000, 65_535, 65_537, 66_000], leaves)
    root = naive_tree.root(leaves)
    assert frontier.root() == root
    assert store.longest() == 256
    for index in (0, 255, 256, 65_279, 65_535, 65_536, 65_999):
        wanted = tiles_for([index], 66_000)
        assert len(wanted) <= 6
        path = Proofs(size=66_000, tiles=store.tiles(wanted)).inclusion(index)
        verify_inclusion(leaf=leaves[index], index=index, size=66_000, proof=path, root=root)
    for first in (1, 256, 257, 65_536, 65_537, 65_999):
        path = Proofs(size=66_000, tiles=store.tiles(tiles_for([first - 1], 66_000))).consistency(first)
        verify_consistency(
            first_size=first,
            first_root=naive_tree.root(leaves[:first]),
            second_size=66_000,
            second_root=root,
            proof=path,
        )


@given(st.lists(st.integers(min_value=0, max_value=300), min_size=1, max_size=12).map(sorted))
@settings(max_examples=60, deadline=None)
def test_batches_make_the_tree_that_single_leaves_make(ends: list[int]) -> None:
    frontier, store = grown(ends, LEAVES)
    size = ends[-1]
    assert frontier.size == size
    assert frontier.root() == naive_tree.root(LEAVES[:size])
    if size:
        tiles = store.tiles(tiles_for(range(size), size))
        proofs = Proofs(size=size, tiles=tiles)
        assert [proofs.inclusion(index) for index in (0, size - 1)] == [
            naive_tree.inclusion(index, LEAVES[:size]) for index in (0, size - 1)
        ]


def test_an_older_tree_is_proved_from_hashes_of_a_newer_one() -> None:
    _, store = grown([300], LEAVES)
    for size in (1, 2, 100, 255, 256, 257, 299):
        proofs = Proofs(size=size, tiles=store.tiles(tiles_for([size - 1], size)))
        assert proofs.root() == naive_tree.root(LEAVES[:size])
        assert proofs.inclusion(size - 1) == naive_tree.inclusion(size - 1, LEAVES[:size])


def test_a_frontier_survives_its_bytes() -> None:
    frontier, _ = Frontier().append(LEAVES[:77])
    assert Frontier.from_bytes(size=77, hashes=frontier.to_bytes()) == frontier
    with pytest.raises(ValueError, match="subtrees"):
        Frontier.from_bytes(size=78, hashes=frontier.to_bytes() + bytes(32))
    with pytest.raises(ValueError, match="whole"):
        Frontier.from_bytes(size=77, hashes=frontier.to_bytes()[:-1])


def test_missing_hashes_are_named() -> None:
    with pytest.raises(HashesMissing, match="hash 0 of level 0"):
        Proofs(size=2, tiles={Tile(0, 0): b""}).inclusion(1)
    with pytest.raises(HashesMissing, match="join"):
        assemble([(0, bytes(32)), (2, bytes(32))])
