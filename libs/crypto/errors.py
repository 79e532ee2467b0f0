"""What can be wrong with sealed bytes and with keys."""

from uuid import UUID


class SealBroken(Exception):
    """The bytes were not sealed by this key for this place: changed, cut, moved to another row, or of another key.

    Which of these it is cannot be told, and must not be.
    """


class FormatUnknown(SealBroken):
    """The first byte names a format that this version does not know."""


class KeyVersionUnknown(SealBroken):
    """The value was sealed under a version of the key that is not at hand."""

    def __init__(self, version: int) -> None:
        super().__init__(f"no key of version {version}")
        self.version = version


class KeyInvalid(ValueError):
    """The bytes are no key of the kind asked for. The message never quotes them."""


class KeyDestroyed(Exception):
    """The data key is gone for good: what it sealed cannot be read by anybody."""

    def __init__(self, key_id: UUID | None = None) -> None:
        super().__init__("the data key was destroyed")
        self.key_id = key_id
