"""Merkle trees as in RFC 6962 section 2.1, and the checks of their proofs. docs/formats/tree.md specifies them."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
#: The root of a tree without leaves.
EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofInvalid(ValueError):
    """The proof does not show what it was asked to show."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 over 0x00 and the leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 over 0x01 and the two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Returns when the leaf of hash `leaf` is number `index` of the tree of `size` leaves with this `root`.

    RFC 9162 section 2.1.3.2. Raises ProofInvalid.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"a tree of {size} leaves has no leaf {index}")
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the inclusion proof is too long")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofInvalid("the inclusion proof is too short")
    if not hmac.compare_digest(found, root):
        raise ProofInvalid(f"leaf {index} is not in the tree of this root")


def verify_consistency(
    *, first_size: int, first_root: bytes, second_size: int, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Returns when the tree of the first size and root is a prefix of the second.

    RFC 9162 section 2.1.4.2. Raises ProofInvalid.
    """
    if not 0 < first_size <= second_size:
        raise ProofInvalid(f"a tree of {first_size} leaves is no prefix of one of {second_size}")
    if first_size == second_size:
        if proof or not hmac.compare_digest(first_root, second_root):
            raise ProofInvalid("two trees of one size have different roots")
        return
    path = list(proof) if first_size & first_size - 1 else [first_root, *proof]
    if not path:
        raise ProofInvalid("the consistency proof is too short")
    first, last = first_size - 1, second_size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofInvalid("the consistency proof is too long")
        if first & 1 or first == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        first, last = first >> 1, last >> 1
    if last:
        raise ProofInvalid("the consistency proof is too short")
    if not (hmac.compare_digest(old, first_root) and hmac.compare_digest(new, second_root)):
        raise ProofInvalid(f"the tree of {first_size} leaves is no prefix of the one of {second_size}")


class RootBuilder:
    """Recomputes the root of a tree, leaf by leaf: it holds one hash for each bit of the size."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Appends leaves, given by their hashes."""
        for leaf in leaves:
            node, size = leaf, self.size
            while size & 1:
                node, size = node_hash(self._subtrees.pop(), node), size >> 1
            self._subtrees.append(node)
            self.size += 1

    def root(self) -> bytes:
        """The root over what has been appended."""
        if not self._subtrees:
            return EMPTY_ROOT
        *others, root = self._subtrees
        for subtree in reversed(others):
            root = node_hash(subtree, root)
        return root
