"""Messages sealed to a reader's public key (HPKE, RFC 9180). docs/formats/sealed-message.md is the specification.

Who writes needs no right to read: a producer holds public keys only, and what it has sealed it cannot open again.
"""

from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from libs.crypto.errors import FormatUnknown, KeyInvalid, SealBroken
from libs.crypto.reader_key import ReaderPublicKey
from wardenry.framing import frame

_KEY_BYTES = 32
_TAG_BYTES = 16
#: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, base mode. A hybrid with ML-KEM would be 2.
_X25519_AES256 = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderPrivateKey:
    """What opens the messages written to a reader."""

    key_id: UUID
    version: int
    #: X25519 private key, 32 bytes (RFC 7748).
    private: bytes = field(repr=False)

    def public_key(self) -> ReaderPublicKey:
        """The other half of the pair. Raises KeyInvalid."""
        public = _private_key(self.private).public_key().public_bytes_raw()
        return ReaderPublicKey(key_id=self.key_id, version=self.version, public=public)


def seal_to(public: ReaderPublicKey, *, info: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """The plaintext, readable by the holder of the private key alone, for this `info` and `aad`.

    Randomness is the library's: RFC 9180 leaves the ephemeral key to the implementation, and it never leaves it.
    Raises KeyInvalid for a key that is no X25519 public key, or one of small order.
    """
    try:
        key = X25519PublicKey.from_public_bytes(public.public)
        sealed = _suite().encrypt(plaintext, key, info=_bound(info, aad))
    except ValueError:
        raise KeyInvalid("no X25519 public key") from None
    return bytes([_X25519_AES256]) + sealed


def open_with(private: ReaderPrivateKey, *, info: bytes, aad: bytes, message: bytes) -> bytes:
    """The plaintext that was sealed to this key for this `info` and `aad`.

    Raises FormatUnknown, SealBroken; KeyInvalid for a key that is none.
    """
    if len(message) < 1 + _KEY_BYTES + _TAG_BYTES:
        raise SealBroken("too short for a sealed message")
    if message[0] != _X25519_AES256:
        raise FormatUnknown(f"no suite {message[0]} of sealed messages is known")
    key = _private_key(private.private)
    try:
        return _suite().decrypt(message[1:], key, info=_bound(info, aad))
    except (InvalidTag, ValueError):
        raise SealBroken("the message was not sealed to this key for this place") from None


def _suite() -> Suite:
    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _bound(info: bytes, aad: bytes) -> bytes:
    # One message a context, so both go into RFC 9180's info (section 8.1 allows it, and the library's public interface
    # has no other place). The key schedule hashes it: a message opens under the same two or not at all.
    return frame(info, aad)


def _private_key(private: bytes) -> X25519PrivateKey:
    try:
        return X25519PrivateKey.from_private_bytes(private)
    except ValueError:
        raise KeyInvalid("no X25519 private key") from None
