"""One line a minute about telemetry that is not delivered, whatever the libraries write."""

import logging

import pytest

from libs.telemetry.delivery_log import DeliveryLog
from tests.support.clock import HeldClock


def test_lines_of_any_kind_become_one_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = HeldClock()
    sending = logging.getLogger("tests.sending.below")
    with DeliveryLog.instead_of(logging.getLogger("tests.sending"), clock=clock):
        for n in range(5):
            sending.warning("transient %d", n)
            sending.error("failed\nand more")
        sending.info("sent")
        clock.advance(61)
        sending.error("failed\nand more")
    assert [record.getMessage() for record in caplog.records] == [
        "traces and durations do not all reach the collector: transient 0 (0 lines more since the last)",
        "traces and durations do not all reach the collector: failed (9 lines more since the last)",
    ]


def test_afterwards_the_library_writes_as_before(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.sending")
    with DeliveryLog.instead_of(logger, clock=HeldClock()):
        pass
    logger.warning("itself")
    assert [record.getMessage() for record in caplog.records] == ["itself"]
    assert logger.handlers == []
