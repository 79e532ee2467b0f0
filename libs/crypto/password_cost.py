"""How much work hashing a password is on this machine: bcrypt's cost, each of which doubles the one before."""

from collections.abc import Callable
from typing import Final

import bcrypt

#: The least cost that OWASP's password storage cheat sheet allows, and the most that a sign-in can wait for.
LEAST_COST: Final = 10
MOST_COST: Final = 16
_PROBED_COST: Final = 8
_PROBES: Final = 3


def hash_seconds(cost: int, *, cpu_seconds: Callable[[], float], probes: int = _PROBES) -> float:
    """What one hash of this cost takes: the fastest of several.

    `cpu_seconds` is the thread's own time (time.thread_time), so that a busy machine is not taken for a slow one.
    """
    salt = bcrypt.gensalt(cost)
    fastest = float("inf")
    for _ in range(probes):
        began = cpu_seconds()
        bcrypt.hashpw(b"calibration", salt)
        fastest = min(fastest, cpu_seconds() - began)
    return fastest


def calibrated_cost(*, target_seconds: float, cpu_seconds: Callable[[], float]) -> int:
    """The highest cost, between LEAST_COST and MOST_COST, whose hash takes no longer than the target on this machine;
    `cpu_seconds` as above."""
    fastest = hash_seconds(_PROBED_COST, cpu_seconds=cpu_seconds)
    cost = LEAST_COST
    while cost < MOST_COST and fastest * 2 ** (cost + 1 - _PROBED_COST) <= target_seconds:
        cost += 1
    return cost
