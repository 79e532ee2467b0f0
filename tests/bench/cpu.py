"""CPU time that processes have used, theirs and the kernel's on their behalf."""

import sys
import time
from collections.abc import Mapping

import psutil

_SCHEDULED = 2  # clock_getcpuclockid(3): the clock of the whole process, in nanoseconds


class CpuMeter:
    """Reads the CPU time of processes, each with all that it has started."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        """Process ids by the name that they are shown under."""
        self._roots = {name: psutil.Process(pid) for name, pid in roots.items()}

    def read(self) -> dict[str, float]:
        """Seconds since each began, by name."""
        return {name: _of_tree(root) for name, root in self._roots.items()}


def spent(before: Mapping[str, float], after: Mapping[str, float], *, operations: int) -> dict[str, float]:
    """Milliseconds an operation between two readings, by name."""
    return {name: (after[name] - before[name]) * 1000 / operations for name in before}


def _of_tree(root: psutil.Process) -> float:
    ended = root.cpu_times()
    seconds = _of(root.pid) + ended.children_user + ended.children_system
    for child in root.children(recursive=True):
        try:
            seconds += _of(child.pid)
        except (OSError, psutil.NoSuchProcess):
            continue  # it has just ended, and is among its parent's ended ones
    return seconds


def _of(pid: int) -> float:
    if sys.platform != "linux":
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return time.clock_gettime_ns((~pid << 3) | _SCHEDULED) / 1e9
