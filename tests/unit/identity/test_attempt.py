"""Delays after failures."""

from services.identity.domain.attempt import delay_after


def test_delays_double_up_to_the_lock_out() -> None:
    assert [delay_after(failures).total_seconds() for failures in range(1, 9)] == [1, 2, 4, 8, 16, 900, 900, 900]
