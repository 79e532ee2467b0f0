"""Commitments: a leaf binds personal values without holding them. docs/formats/commitment.md is the specification.

A leaf carries the digest. The value and its salt are stored apart, so they can expire or be erased while the leaf's
hash, and every proof over it, stays what it was. Whoever holds salt and value can show that they are the ones.
"""

import hashlib
import hmac

from wardenry.framing import frame

#: Bytes of randomness before each field. Without it the digest of an IP address could be guessed in seconds.
FIELD_SALT_BYTES = 16


class CommitmentMismatch(ValueError):
    """The value, its field or its salt is not what the leaf committed to."""


def commit(field_salt: bytes, field: str, value: str) -> bytes:
    """SHA-256 over the framed salt, field name and value, both texts as UTF-8: 32 bytes.

    Raises ValueError unless the salt has 16 bytes.
    """
    if len(field_salt) != FIELD_SALT_BYTES:
        raise ValueError(f"a field salt has {FIELD_SALT_BYTES} bytes, this one {len(field_salt)}")
    return hashlib.sha256(frame(field_salt, field.encode(), value.encode())).digest()


def check_commitment(digest: bytes, *, field_salt: bytes, field: str, value: str) -> None:
    """Returns when `digest` commits to exactly this salt, field and value.

    Raises CommitmentMismatch.
    """
    if len(field_salt) != FIELD_SALT_BYTES or not hmac.compare_digest(digest, commit(field_salt, field, value)):
        raise CommitmentMismatch(f"the value of {field} is not the one that the leaf committed to")
