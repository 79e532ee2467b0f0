"""The keys of a deployment's logs, the present ones and the retired. docs/formats/log-keys.md specifies them.

A key that was retired may have been stolen since. What it signed counts only where the present key's tree shows that it
entered the platform log before the retirement, or is a prefix of what did.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from wardenry.log.checkpoint import Checkpoint, open_checkpoint
from wardenry.log.note import NoteInvalid, SignatureInvalid, VerifierKey


class KeysInvalid(ValueError):
    """The document does not list keys."""


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that signs nothing any more."""

    key: VerifierKey
    #: Entries of the platform log before the one that says so.
    platform_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeys:
    """Whom a verifier believes, and how far. A key that is said to be both is retired, and if its end is said twice it
    was the first."""

    present: Sequence[VerifierKey]
    retired: Sequence[RetiredKey] = ()

    def __post_init__(self) -> None:
        ended = {each.key for each in self.retired}
        object.__setattr__(self, "present", [key for key in self.present if key not in ended])

    @classmethod
    def parse(cls, data: bytes) -> "LogKeys":
        """What /.well-known/wardenry-log-keys serves. Raises KeysInvalid."""
        try:
            fields = json.loads(data)
            retired = [
                RetiredKey(VerifierKey.parse(each["key"]), _size(each["platform_size"]))
                for each in fields.get("retired", [])
            ]
            return cls(present=[VerifierKey.parse(text) for text in fields["keys"]], retired=retired)
        except (NoteInvalid, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise KeysInvalid("the document does not list keys as /.well-known/wardenry-log-keys does") from None

    def opened(self, note: str) -> tuple[Checkpoint, RetiredKey | None]:
        """The checkpoint, and the retired key that signed it; None when a present one did.

        Raises SignatureInvalid, NoteInvalid, CheckpointInvalid.
        """
        try:
            return open_checkpoint(note, self.present), None
        except SignatureInvalid:
            for each in sorted(self.retired, key=lambda retired: retired.platform_size):
                try:
                    return open_checkpoint(note, [each.key]), each
                except SignatureInvalid:
                    continue
            raise


def _size(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value
