"""What is stored of a secret that we drew ourselves. Pure: a domain may import it."""

import hashlib


def hash_of(secret: bytes) -> bytes:
    """SHA-256: a secret of 256 random bits needs no slower hash, and a plain one of it cannot be searched."""
    return hashlib.sha256(secret).digest()
