"""Randomness that is the same in every run."""

import hashlib


class CountedEntropy:
    """SHAKE-256 over a counter: every draw is another one, and every run draws the same."""

    def __init__(self) -> None:
        self._drawn = 0

    def bytes(self, size: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(self._drawn.to_bytes(8, "big")).digest(size)
