"""Identifiers and randomness, as arguments."""

import secrets
from typing import Protocol
from uuid import UUID

from wardenry.clock import Clock

#: The log and context of what belongs to no workspace: the platform's own. A version 7 UUID of time zero.
PLATFORM = UUID("00000000-0000-7000-8000-000000000000")


class Entropy(Protocol):
    """A source of unpredictable bytes."""

    def bytes(self, size: int) -> bytes:
        """`size` bytes, each independent and uniform, fit for keys."""
        ...


class Ids(Protocol):
    """A source of new identifiers."""

    def uuid7(self) -> UUID:
        """A UUID version 7 (RFC 9562 section 5.7): time-ordered to the millisecond, 74 random bits."""
        ...


class SystemEntropy:
    def bytes(self, size: int) -> bytes:
        return secrets.token_bytes(size)  # noqa: TID251 - the one place where randomness comes from


class Uuid7Ids:
    def __init__(self, *, clock: Clock, entropy: Entropy) -> None:
        self._clock = clock
        self._entropy = entropy

    def uuid7(self) -> UUID:
        milliseconds = int(self._clock.now().timestamp() * 1000)
        random = int.from_bytes(self._entropy.bytes(10), "big")
        value = (milliseconds & (1 << 48) - 1) << 80
        value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
        value |= 0b10 << 62 | random & (1 << 62) - 1
        return UUID(int=value)
