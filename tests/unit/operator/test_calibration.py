"""Which costs are measured, and which one is named."""

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from services.operator.commands.calibration import Calibrate
from services.operator.domain.durations import age


def ticking(step: float) -> Callable[[], float]:
    """A clock on which every hash, whatever its cost, takes `step` seconds."""
    ticks = itertools.count()
    return lambda: next(ticks) * step


def test_the_table_goes_one_beyond_the_chosen_cost() -> None:
    # Cost 8 takes 30 ms, so identity chooses 11 for 250 ms.
    calibration = Calibrate(cpu_seconds=ticking(0.030))(0.250)
    assert (calibration.chosen, list(calibration.seconds)) == (11, [10, 11, 12])
    assert calibration.kept


def test_a_machine_on_which_the_least_cost_takes_too_long() -> None:
    calibration = Calibrate(cpu_seconds=ticking(1.5))(0.250)
    # One that would take longer than 2 s is not measured.
    assert (calibration.chosen, list(calibration.seconds)) == (10, [10])
    assert not calibration.kept


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0 seconds"),
        (0.9, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (172_800, "2 days"),
    ],
)
def test_an_age_is_told_in_its_largest_whole_unit(seconds: float, told: str) -> None:
    assert age(timedelta(seconds=seconds)) == told
