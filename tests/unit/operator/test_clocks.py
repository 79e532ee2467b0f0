"""Which clocks count as wrong: against this machine's, and against one another."""

from datetime import timedelta

import pytest

from services.operator.domain.clocks import judge_clocks
from services.operator.domain.diagnosis import Severity
from services.operator.domain.status import Answer
from services.operator.domain.told import Clock

RIGHT = Answer(reachable=True, latency=0.1, skew=timedelta(0))


def clock(seconds: float, *, doubt: float = 0.1) -> Clock:
    """One that is ahead by so much, seen with so much doubt either way."""
    return Clock(least=timedelta(seconds=seconds - doubt), most=timedelta(seconds=seconds + doubt))


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [(0, None), (2, None), (-2, None), (3, Severity.WARNING), (-31, Severity.ERROR), (31, Severity.ERROR)],
)
def test_a_gateway_that_differs(seconds: int, severity: Severity | None) -> None:
    (found,) = judge_clocks(Answer(reachable=True, latency=0.1, skew=timedelta(seconds=seconds)), {})
    assert found.severity is (severity or Severity.OK)
    if severity is not None:
        assert ("ahead" in found.what) is (seconds > 0)
        assert found.mend


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [(2.05, None), (-2.05, None), (2.2, Severity.WARNING), (-30.2, Severity.ERROR), (30.2, Severity.ERROR)],
)
def test_a_service_that_differs_for_certain(seconds: float, severity: Severity | None) -> None:
    found = judge_clocks(RIGHT, {"session": clock(seconds)})
    assert [each.severity for each in found] == [severity or Severity.OK]
    if severity is not None:
        assert found[0].what.startswith("session's is ")
        assert ("ahead" in found[0].what) is (seconds > 0)


def test_two_services_may_each_agree_with_us_and_not_with_one_another() -> None:
    (found,) = judge_clocks(RIGHT, {"audit": clock(1.9), "session": clock(-1.9), "tenancy": clock(0)})
    assert (found.severity, found.what) == (Severity.WARNING, "audit's is 4 s ahead of session's.")


def test_where_all_are_off_alike_they_agree_with_one_another() -> None:
    found = judge_clocks(RIGHT, {"audit": clock(40), "session": clock(40)})
    assert [each.what for each in found] == [
        "audit's is 40 s ahead of this machine's.",
        "session's is 40 s ahead of this machine's.",
    ]


def test_doubt_makes_nobody_wrong() -> None:
    slow = clock(20, doubt=19)
    assert slow.ahead == timedelta(seconds=1)
    assert clock(3, doubt=5).ahead == clock(-3, doubt=5).ahead == timedelta(0)
    (found,) = judge_clocks(RIGHT, {"audit": slow, "session": clock(0)})
    assert found.severity is Severity.OK


@pytest.mark.parametrize("answer", [Answer(reachable=True, latency=0.1), Answer(reachable=False, latency=None)])
def test_a_clock_that_is_not_told(answer: Answer) -> None:
    found = judge_clocks(answer, {"session": clock(0)}, missing=["audit"])
    assert [each.severity for each in found] == [Severity.UNKNOWN] * 2
    assert "audit" in found[1].what
