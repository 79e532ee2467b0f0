"""Waiting for something that is down, without filling the log."""

import asyncio
import logging

from wardenry.clock import Clock

_REPORT_SECONDS = 10.0


class Patience:
    """One dependency's outage: waits longer each time; writes a line when it begins, now and then, and when it ends."""

    def __init__(self, *, what: str, log: logging.Logger, clock: Clock, least: float = 0.1, most: float = 2.0) -> None:
        """`what` begins the lines; `least` and `most` are the first and the longest wait, in seconds."""
        self._what = what
        self._log = log
        self._clock = clock
        self._least = least
        self._most = most
        self._wait = least
        self._began: float | None = None
        self._reported = 0.0

    def note(self, error: BaseException) -> None:
        """It failed, and whoever asks goes on without it: report."""
        now = self._clock.monotonic()
        if self._began is None or now - self._reported >= _REPORT_SECONDS:
            self._log.warning("%s: waiting: %s: %s", self._what, type(error).__name__, error)
            self._reported = now
        if self._began is None:
            self._began = now

    async def wait(self, error: BaseException) -> None:
        """It failed: report, then wait before the next try."""
        self.note(error)
        delay, self._wait = self._wait, min(self._wait * 2, self._most)
        await asyncio.sleep(delay)

    def over(self) -> None:
        """It works."""
        if self._began is not None:
            self._log.warning("%s: works again after %.1f s", self._what, self._clock.monotonic() - self._began)
        self._began = None
        self._wait = self._least
