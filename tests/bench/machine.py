"""The machine: which cores serve, which ask, and how busy it is with other things."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SAMPLES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """What is measured has one core, and who asks has the others, so that neither waits for the other. Empty sets, and
    nothing is pinned, where the kernel cannot or there is one core alone."""

    serving: frozenset[int]
    asking: frozenset[int]

    @classmethod
    def of_this_machine(cls) -> "Cores":
        if sys.platform != "linux":
            return cls(serving=frozenset(), asking=frozenset())
        ours = sorted(os.sched_getaffinity(0))
        if len(ours) < 2:
            return cls(serving=frozenset(), asking=frozenset())
        return cls(serving=frozenset(ours[:1]), asking=frozenset(ours[1:]))

    @property
    def all(self) -> frozenset[int]:
        """For what is measured as it is deployed, where it finds room."""
        return self.serving | self.asking

    def __str__(self) -> str:
        if not self.serving:
            return "nothing is pinned"
        return f"servers and stores on core {_listed(self.serving)}, clients on {_listed(self.asking)}"


@contextmanager
def on(cores: frozenset[int]) -> Iterator[None]:
    """Processes that are started in this block run on these cores, and what they start too."""
    if not cores or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def description() -> str:
    """Processor, cores, Python."""
    model = platform.processor() or platform.machine()
    if sys.platform == "linux":
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def load() -> str:
    """The load averages of one, five and fifteen minutes."""
    return ", ".join(f"{average:.2f}" for average in os.getloadavg())


def yardstick() -> float:
    """Microseconds of CPU that one Ed25519 verification takes now: more than usual where others slow this core down."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    message = bytes(600)
    public, signature = private.public_key(), private.sign(message)
    began = time.thread_time_ns()
    for _ in range(_SAMPLES):
        public.verify(signature, message)
    return (time.thread_time_ns() - began) / 1000 / _SAMPLES


def _listed(cores: frozenset[int]) -> str:
    return ",".join(map(str, sorted(cores)))
