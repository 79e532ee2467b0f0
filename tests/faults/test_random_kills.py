"""Invariants 1, 2 and 3 while processes are killed at random under load. `make faults` kills many more."""

import asyncio
import secrets

import pytest
from rich.console import Console

from tests.faults.campaign import campaign, show
from tests.faults.own_stack import own_stack

KILLS = 5


# In the group of the tests that use a whole suite: two of them at once are too much for two cores.
@pytest.mark.xdist_group("stack")
def test_nothing_acknowledged_is_lost_or_doubled() -> None:
    with own_stack() as stack:
        report = asyncio.run(campaign(stack, kills=KILLS, seed=secrets.randbelow(1_000_000)))
    show(report, Console(width=120))
    assert not report.findings, "\n".join(report.findings)
    assert len(report.kills) == KILLS
