"""Invariants 1, 2 and 3 while processes are killed at random under load. `make faults` kills many more."""

import secrets

import pytest
from rich.console import Console

from tests.faults.campaign import campaign, show
from tests.support.stack import LocalStack

KILLS = 5


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_or_doubled(stack: LocalStack) -> None:
    report = await campaign(stack, kills=KILLS, seed=secrets.randbelow(1_000_000))
    show(report, Console(width=120))
    assert not report.findings, "\n".join(report.findings)
    assert len(report.kills) == KILLS
