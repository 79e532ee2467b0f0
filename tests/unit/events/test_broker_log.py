"""The limit on what the broker's client writes."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from libs.events.broker_log import limit_broker_log


class ClockForTests:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Iterator[ClockForTests]:
    logger = logging.getLogger("aiokafka")
    handlers, logger.handlers = logger.handlers, []
    made = ClockForTests()
    limit_broker_log(made)
    limit_broker_log(made)
    yield made
    logger.handlers, logger.propagate = handlers, True


class Lines(logging.Handler):
    """What reaches the root logger's handlers."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def root() -> Iterator[Lines]:
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_one_line_of_a_kind_in_ten_seconds_passes(clock: ClockForTests, root: Lines) -> None:
    logger = logging.getLogger("aiokafka.conn")
    for second in range(25):
        clock.seconds = float(second)
        logger.error("connection %d failed", second)
    assert root.lines == [
        "connection 0 failed",
        "connection 10 failed (9 more withheld)",
        "connection 20 failed (9 more withheld)",
    ]
