"""Anchors: that a checkpoint of a log is in the platform log, blinded. docs/formats/log-head.md specifies them.

The platform log holds hashes over a nonce and a checkpoint, so that whoever watches it learns nothing of the logs. Who
has the nonce shows which hash is whose. All logs hang on one tree so, and who would show one workspace another history
than everybody else must show another platform log too.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from wardenry.framing import frame
from wardenry.log.checkpoint import Checkpoint, CheckpointInvalid, log_origin
from wardenry.log.keys import LogKeys, RetiredKey
from wardenry.log.leaf import LeafInvalid, parse_leaf
from wardenry.log.note import NoteInvalid, VerifierKey
from wardenry.log.tree import ProofInvalid, leaf_hash, verify_consistency, verify_inclusion

#: The platform log's id: what belongs to no workspace. A version 7 UUID of time zero.
PLATFORM_LOG: Final = UUID("00000000-0000-7000-8000-000000000000")
ANCHOR_ACTION: Final = "log.anchored"
ANCHOR_SOURCE: Final = "audit"
#: The detail of the platform log's entry that holds the blinded head, in lower-case hexadecimal.
HEAD_DETAIL: Final = "head"
NONCE_BYTES: Final = 16
_LABEL = b"wardenry log head v1"


class AnchorInvalid(ValueError):
    """The anchor does not show that this log is in the platform log."""


class AnchorUnproven(AnchorInvalid):
    """The anchor contradicts nothing, and does not show what was asked for."""


class AnchorAsserted(AnchorUnproven):
    """A retired key signed the platform log's checkpoint, and no witness did: that it was ever the platform log's is
    the operator's assertion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What shows that a log's checkpoint is in the platform log."""

    nonce: bytes
    #: Signed note: the checkpoint that was anchored.
    checkpoint: str
    #: Consistency proof between it and the checkpoint that the holder has, from the smaller to the larger.
    consistency: Sequence[bytes]
    #: The platform log's entry.
    leaf: bytes
    index: int
    #: Inclusion proof of that entry, from the leaf up.
    inclusion: Sequence[bytes]
    #: Signed note: the platform log's checkpoint that the inclusion proof leads to.
    platform_checkpoint: str


def log_head(nonce: bytes, checkpoint: Checkpoint) -> bytes:
    """The blinded head: SHA-256 over the framed label, nonce and checkpoint text. Raises ValueError for another nonce
    than one of 16 bytes."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes, this one {len(nonce)}")
    return hashlib.sha256(frame(_LABEL, nonce, checkpoint.text().encode())).digest()


def verify_anchor(
    anchor: Anchor,
    keys: Sequence[VerifierKey],
    *,
    checkpoint: Checkpoint,
    retired: Sequence[RetiredKey] = (),
    covering: bool = False,
) -> Checkpoint:
    """The platform log's checkpoint, when a prefix of the log of `checkpoint`, which was opened with one of the keys,
    or with `covering` all of `checkpoint`, is in it. A retired key is believed of what entered the platform log before
    its retirement, and of nothing else. Raises AnchorInvalid, and of its kind AnchorUnproven only for an anchor that
    holds as far as it goes: of a part of `checkpoint` alone, or AnchorAsserted."""
    deployment = checkpoint.origin.rpartition("/")[0]
    platform = log_origin(deployment, PLATFORM_LOG)
    known = LogKeys(present=keys, retired=retired)
    anchored, by = _opened(anchor.checkpoint, known, checkpoint.origin)
    above, by_above = _opened(anchor.platform_checkpoint, known, platform)
    if by is not None and anchor.index >= by.platform_size:
        raise AnchorInvalid("its key was retired before it entered the platform log")
    smaller, larger = sorted((anchored, checkpoint), key=lambda each: each.size)
    try:
        verify_consistency(
            first_size=smaller.size,
            first_root=smaller.root,
            second_size=larger.size,
            second_root=larger.root,
            proof=anchor.consistency,
        )
        leaf = parse_leaf(anchor.leaf)
        head = log_head(anchor.nonce, anchored).hex()
        verify_inclusion(
            leaf=leaf_hash(anchor.leaf), index=anchor.index, size=above.size, proof=anchor.inclusion, root=above.root
        )
    except (ProofInvalid, LeafInvalid, ValueError) as error:
        raise AnchorInvalid(str(error)) from None
    stated = (leaf.log, leaf.source, leaf.action)
    if stated != (PLATFORM_LOG, ANCHOR_SOURCE, ANCHOR_ACTION):
        raise AnchorInvalid("the platform log's entry is no anchor")
    if not hmac.compare_digest(leaf.details.get(HEAD_DETAIL, "").encode(), head.encode()):
        raise AnchorInvalid("the platform log's entry is the anchor of another head")
    if covering and anchored.size < checkpoint.size:
        raise AnchorUnproven(f"it shows the first {anchored.size} of {checkpoint.size} entries")
    if by_above is not None:
        raise AnchorAsserted(
            "operator-asserted: a key that was retired since signed the platform log's checkpoint, and no witness did"
        )
    return above


def _opened(note: str, keys: LogKeys, origin: str) -> tuple[Checkpoint, RetiredKey | None]:
    try:
        checkpoint, retired = keys.opened(note)
    except (NoteInvalid, CheckpointInvalid) as error:
        raise AnchorInvalid(f"the checkpoint of {origin}: {error}") from None
    if checkpoint.origin != origin:
        raise AnchorInvalid("a checkpoint is of another log")
    return checkpoint, retired
