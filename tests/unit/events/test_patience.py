"""Waiting for something that is down, without filling the log."""

import logging

import pytest

from libs.events.patience import Patience
from tests.support.clock import HeldClock


async def test_an_outage_is_told_when_it_begins_now_and_then_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    clock = HeldClock()
    log = logging.getLogger("tests.patience")
    patience = Patience(what="sending", log=log, clock=clock, least=0.0, most=0.0)
    patience.over()
    for _ in range(25):
        await patience.wait(OSError("refused"))
        clock.advance(1)
    patience.over()
    patience.over()
    assert [record.getMessage() for record in caplog.records] == [
        "sending: waiting: OSError: refused",
        "sending: waiting: OSError: refused",
        "sending: waiting: OSError: refused",
        "sending: works again after 25.0 s",
    ]
