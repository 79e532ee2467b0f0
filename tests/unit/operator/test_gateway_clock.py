"""How far two clocks are apart, by a header of whole seconds."""

from datetime import UTC, datetime, timedelta

import pytest

from services.operator.clients.gateway import skew_of

ASKED = datetime(2026, 11, 22, 12, 0, 10, 400_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "took", "skew"),
    [
        # Written within the second that the header names: nothing is certain to be wrong.
        (10, 0.1, 0.0),
        (10, 3.0, 0.0),
        (13, 3.0, 0.0),
        (11, 0.1, 0.5),
        (40, 0.1, 29.5),
        (9, 0.1, -0.4),
        (0, 5.0, -9.4),
    ],
)
def test_the_least_difference_is_told(told: int, took: float, skew: float) -> None:
    header = f"Sun, 22 Nov 2026 12:00:{told:02} GMT"
    found = skew_of(header, asked_at=ASKED, answered_at=ASKED + timedelta(seconds=took))
    assert found == timedelta(seconds=skew)


@pytest.mark.parametrize("header", ["", "yesterday", "12", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_what_is_no_date_tells_nothing(header: str) -> None:
    assert skew_of(header, asked_at=ASKED, answered_at=ASKED) is None
