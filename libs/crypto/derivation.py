"""Keys from keys, with HKDF-SHA-256 (RFC 5869). docs/formats/key-derivation.md is the specification.

A reader gets what is derived for it and for one purpose, never the data key: what audit may open tells nothing about
what identity may.
"""

from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.crypto.errors import KeyInvalid
from wardenry.framing import frame

KEY_BYTES = 32
#: The purpose that the vault derives for: values that a service keeps, and those that others send to it.
PERSONAL_VALUES: Final = "personal values"
_READER_LABEL = b"wardenry reader key v1"


class ReaderKeys(NamedTuple):
    """What one reader holds for one purpose."""

    #: AES-256 key for what the reader writes and reads itself.
    symmetric: bytes
    #: X25519 private key for what others write to it.
    hpke_private: bytes

    def __repr__(self) -> str:
        return "ReaderKeys(…)"


def derive_reader_keys(data_key: bytes, reader: str, purpose: str) -> ReaderKeys:
    """The keys of `reader` (a service's mutual-TLS name) for `purpose`.

    Raises KeyInvalid unless the data key has 32 bytes.
    """
    parts = (reader.encode(), purpose.encode())
    return ReaderKeys(
        symmetric=derive_key(data_key, _READER_LABEL, b"symmetric", *parts),
        hpke_private=derive_key(data_key, _READER_LABEL, b"hpke", *parts),
    )


def derive_key(root: bytes, *parts: bytes) -> bytes:
    """32 bytes that `root` and this exact list of parts give. The first part names the use and its version.

    Raises KeyInvalid unless the root has 32 bytes: HKDF runs without a salt, which wants a uniform root.
    """
    if len(root) != KEY_BYTES:
        raise KeyInvalid(f"a key has {KEY_BYTES} bytes, this one {len(root)}")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=frame(*parts)).derive(root)
