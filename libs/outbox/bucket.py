"""Which of the numbered streams of a source a log's events are in."""

import hashlib
from uuid import UUID

#: For ever: numbers are dense within a bucket, so a log that changed its bucket would lose its order.
BUCKETS = 64


def bucket_of(log: UUID) -> int:
    """The bucket of a log: the first eight bytes of the SHA-256 of its sixteen, big-endian, modulo 64."""
    return int.from_bytes(hashlib.sha256(log.bytes).digest()[:8], "big") % BUCKETS
