"""aiokafka writes hundreds of lines a minute while a broker is away. This lets one of a kind through at a time."""

import logging

from wardenry.clock import Clock

_LOGGER = "aiokafka"
_SECONDS = 10.0


class RateLimited(logging.Handler):
    """Hands a record to the root logger unless one from the same line of code passed within ten seconds."""

    def __init__(self, *, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._passed: dict[tuple[str, int], float] = {}
        self._withheld: dict[tuple[str, int], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        line = (record.pathname, record.lineno)
        now = self._clock.monotonic()
        if now - self._passed.get(line, -_SECONDS) < _SECONDS:
            self._withheld[line] = self._withheld.get(line, 0) + 1
            return
        self._passed[line] = now
        withheld = self._withheld.pop(line, 0)
        if withheld:
            record.msg = f"{record.getMessage()} ({withheld} more withheld)"
            record.args = None
        root = logging.getLogger()
        if record.levelno >= root.getEffectiveLevel():
            root.handle(record)


def limit_broker_log(clock: Clock) -> None:
    """Puts the limit on aiokafka's loggers. Doing it again changes nothing."""
    logger = logging.getLogger(_LOGGER)
    if not any(isinstance(handler, RateLimited) for handler in logger.handlers):
        logger.addHandler(RateLimited(clock=clock))
        logger.propagate = False
