"""The log as a tree: heads, signed checkpoints, and what proofs are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wardenry.log.checkpoint import Checkpoint, log_origin, open_checkpoint, sign_checkpoint
from wardenry.log.note import NoteSigner

#: A question may name a larger one, and no store could look that up.
LARGEST_SIZE = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """A log's tree, as it was committed."""

    log: UUID
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint that was released or may be."""

    log: UUID
    size: int
    #: C2SP signed note.
    note: str
    #: None while it is not stored: it says nothing about itself.
    signed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """That an entry is in the tree of a checkpoint."""

    index: int
    leaf_hash: bytes
    hashes: Sequence[bytes]
    checkpoint: SignedCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """That the tree of the first size is a prefix of the checkpoint's."""

    first_size: int
    hashes: Sequence[bytes]
    checkpoint: SignedCheckpoint


class CheckpointSigner:
    """Signs tree heads under the deployment's origin, which is the key's name too."""

    def __init__(self, *, signer: NoteSigner) -> None:
        self.signer = signer

    def origin(self, log: UUID) -> str:
        """The origin of one log."""
        return log_origin(self.signer.key.name, log)

    def opened(self, checkpoint: SignedCheckpoint) -> Checkpoint:
        """What a checkpoint of this deployment says. Raises SignatureInvalid, NoteInvalid, CheckpointInvalid."""
        return open_checkpoint(checkpoint.note, [self.signer.key])

    def sign(self, head: TreeHead) -> SignedCheckpoint:
        """The checkpoint over a committed head. One head always gives the same bytes."""
        checkpoint = Checkpoint(origin=self.origin(head.log), size=head.size, root=head.root)
        return SignedCheckpoint(log=head.log, size=head.size, note=sign_checkpoint(checkpoint, self.signer))
