"""What the libraries that send telemetry say when they cannot: one line a minute, whatever they write."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from wardenry.clock import Clock

#: Seconds between two lines.
_SECONDS = 60.0
_log = logging.getLogger(__name__)


class DeliveryLog(logging.Handler):
    """Turns whatever a library warns of into one line, and keeps back the rest for a minute."""

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(level=logging.WARNING)
        self._clock = clock
        self._told: float | None = None
        self._withheld = 0

    @classmethod
    @contextmanager
    def instead_of(cls, logger: logging.Logger, *, clock: Clock) -> Iterator[Self]:
        """Has `logger`, and those below it, write here alone while the block runs."""
        handler, propagated = cls(clock=clock), logger.propagate
        logger.addHandler(handler)
        logger.propagate = False
        try:
            yield handler
        finally:
            logger.propagate = propagated
            logger.removeHandler(handler)

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock.monotonic()
        if self._told is not None and now - self._told < _SECONDS:
            self._withheld += 1
            return
        withheld, self._withheld, self._told = self._withheld, 0, now
        _log.warning(
            "traces and durations do not all reach the collector: %s (%d lines more since the last)",
            record.getMessage().partition("\n")[0],
            withheld,
        )
