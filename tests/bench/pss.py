"""Memory of processes, shared pages counted in proportion."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measurement import NotMeasured

_MEGABYTE = 1024.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Megabytes of one process."""

    #: Its share of all pages that it has.
    proportional: float
    #: What nobody else has.
    own: float


def memory_of(pid: int) -> Memory:
    """Raises NotMeasured where the kernel does not tell."""
    if sys.platform != "linux":
        raise NotMeasured("proportional memory is read from Linux's /proc")
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    own = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return Memory(proportional=kilobytes["Pss"] / _MEGABYTE, own=own / _MEGABYTE)
