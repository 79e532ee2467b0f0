"""RFC 6962 hashes, by published vectors, and proofs that must not pass."""

from typing import Any

import pytest

from tests.unit.merkle import naive_tree
from wardenry.log.tree import (
    EMPTY_ROOT,
    ProofInvalid,
    RootBuilder,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

#: The test data of Certificate Transparency's reference implementation: leaves, and the root after each.
PUBLISHED = [
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
]
LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf, _ in PUBLISHED]


def test_published_roots() -> None:
    tree = RootBuilder()
    assert (
        tree.root() == EMPTY_ROOT == bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    )
    for (leaf, root), hashed in zip(PUBLISHED, LEAVES, strict=True):
        tree.extend([hashed])
        assert tree.root().hex() == root, leaf


@pytest.mark.parametrize("size", range(1, 9))
def test_an_inclusion_proof_holds_for_its_leaf_place_size_and_root_alone(size: int) -> None:
    leaves = LEAVES[:size]
    root = naive_tree.root(leaves)
    for index in range(size):
        proof = naive_tree.inclusion(index, leaves)
        verify_inclusion(leaf=leaves[index], index=index, size=size, proof=proof, root=root)
        right: dict[str, Any] = {"leaf": leaves[index], "index": index, "size": size, "proof": proof, "root": root}
        wrong: list[dict[str, Any]] = [
            {"leaf": bytes(32)},
            {"root": bytes(32)},
            {"proof": [*proof, bytes(32)]},
            {"index": size},
            {"index": -1},
            *([{"proof": proof[:-1]}, {"proof": [bytes(32), *proof[1:]]}] if proof else []),
            *({"index": other} for other in range(size) if other != index),
        ]
        for change in wrong:
            with pytest.raises(ProofInvalid):
                verify_inclusion(**right | change)


def test_a_consistency_proof_holds_for_its_two_trees_alone() -> None:
    for second in range(1, 9):
        for first in range(1, second + 1):
            right: dict[str, Any] = {
                "first_size": first,
                "first_root": naive_tree.root(LEAVES[:first]),
                "second_size": second,
                "second_root": naive_tree.root(LEAVES[:second]),
                "proof": naive_tree.consistency(first, LEAVES[:second]),
            }
            verify_consistency(**right)
            proof = naive_tree.consistency(first, LEAVES[:second])
            wrong: list[dict[str, Any]] = [
                {"first_root": bytes(32)},
                {"second_root": bytes(32)},
                {"proof": [*proof, bytes(32)]},
                {"first_size": 0},
                {"first_size": second + 1},
                *([{"proof": proof[:-1]}, {"proof": [bytes(32), *proof[1:]]}] if proof else []),
            ]
            for change in wrong:
                with pytest.raises(ProofInvalid):
                    verify_consistency(**right | change)
