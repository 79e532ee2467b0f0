"""Months to come."""

from datetime import date

import pytest

from services.audit.jobs.partition import months_from


@pytest.mark.parametrize("day", [1, 15, 28])
def test_months_follow_each_other(day: int) -> None:
    assert months_from(date(2026, 11, day), 4) == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
        date(2027, 2, 1),
    ]


def test_months_of_all_lengths() -> None:
    assert [month.month for month in months_from(date(2027, 12, 31), 14)] == [12, *range(1, 13), 1]
