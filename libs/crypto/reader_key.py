"""A reader's public key, as the rows of those who write to it hold it. Pure: a domain may import it."""

from dataclasses import dataclass
from uuid import UUID

from libs.crypto.key_owner import KeyReference


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderPublicKey:
    """What others need to write to a reader. No secret; it names the data key that its pair is derived from."""

    #: The data key.
    key_id: UUID
    #: Version of the data key, from 1.
    version: int
    #: X25519 public key, 32 bytes (RFC 7748).
    public: bytes

    @property
    def reference(self) -> KeyReference:
        """The data key."""
        return KeyReference(key_id=self.key_id, version=self.version)
