"""Checkpoints, as in C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint): the signed size and root of a log.

docs/formats/checkpoint.md is the specification. A log's origin is the deployment's origin, a slash and the log's id;
the key's name is the deployment's origin, so that one key signs all of its logs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from wardenry.log.note import NoteInvalid, NoteSigner, VerifierKey, decode_base64, encode_base64, open_note
from wardenry.log.tree import HASH_BYTES

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class CheckpointInvalid(ValueError):
    """The text is no checkpoint, or not of this log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The log `origin` had `size` leaves, and their tree this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """From the text of an opened note; extension lines are passed over. Raises CheckpointInvalid."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise CheckpointInvalid("a checkpoint has an origin, a size and a root, each on its line")
        origin, size, encoded = lines[:3]
        try:
            root = decode_base64(encoded)
        except NoteInvalid:
            root = b""
        if not _SIZE.fullmatch(size) or len(root) != HASH_BYTES:
            raise CheckpointInvalid("the size or the root of the checkpoint is malformed")
        return cls(origin=origin, size=int(size), root=root)


def log_origin(origin: str, log: UUID) -> str:
    """The origin of one log of a deployment."""
    return f"{origin}/{log}"


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """The signed note. The same checkpoint always gives the same one."""
    return signer.sign(checkpoint.text())


def open_checkpoint(note: str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """The checkpoint, when one of the keys has signed it whose name its origin begins with: a key speaks for the logs
    of its own deployment, whichever others are trusted beside it.

    Raises SignatureInvalid, NoteInvalid, CheckpointInvalid.
    """
    deployment, _, _ = note.partition("\n")[0].rpartition("/")
    return Checkpoint.parse(open_note(note, [key for key in keys if key.name == deployment]))


def stated_origin(note: str) -> str | None:
    """Which log a note says that it is a checkpoint of, whoever signed it; None for what is no checkpoint. It is for
    telling apart what somebody mixed up, and proves nothing."""
    text, separator, _ = note.partition("\n\n")
    try:
        return Checkpoint.parse(text + "\n").origin if separator else None
    except CheckpointInvalid:
        return None
