"""The limit on what the broker's client writes."""

import logging
from collections.abc import Iterator

import pytest

from libs.events.broker_log import limit_broker_log
from tests.support.clock import HeldClock


@pytest.fixture
def clock() -> Iterator[HeldClock]:
    logger = logging.getLogger("aiokafka")
    handlers, logger.handlers = logger.handlers, []
    made = HeldClock()
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


def test_one_line_of_a_kind_in_ten_seconds_passes(clock: HeldClock, root: Lines) -> None:
    logger = logging.getLogger("aiokafka.conn")
    for second in range(25):
        logger.error("connection %d failed", second)
        clock.advance(1)
    assert root.lines == [
        "connection 0 failed",
        "connection 10 failed (9 more withheld)",
        "connection 20 failed (9 more withheld)",
    ]
