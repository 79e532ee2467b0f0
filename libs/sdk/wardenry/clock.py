"""Time, as an argument: nothing in the product asks the machine for the time except through a `Clock`."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day and measures elapsed time."""

    def now(self) -> datetime:
        """The time of day, timezone-aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an unspecified moment; never goes back. For measuring, never for storing."""
        ...


class SystemClock:
    """The machine's. Elapsed time counts suspension where the system can tell: no lease outlives a machine's sleep."""

    def __init__(self) -> None:
        self._elapsed = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time_ns() / 1e9, UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(self._elapsed)
