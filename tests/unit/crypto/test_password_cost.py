"""The cost of a password's hash, fitted to the machine."""

import time

from libs.crypto.password_cost import LEAST_COST, MOST_COST, calibrated_cost, hash_seconds


def test_the_cost_is_calibrated_to_the_machine() -> None:
    assert calibrated_cost(target_seconds=1e-9, cpu_seconds=time.thread_time) == LEAST_COST
    assert calibrated_cost(target_seconds=1e9, cpu_seconds=time.thread_time) == MOST_COST
    # A machine on which cost 8 takes 10 ms: 12 takes 160 ms, 13 takes 320.
    ticks = iter(n * 0.010 for n in range(100))
    assert calibrated_cost(target_seconds=0.25, cpu_seconds=lambda: next(ticks)) == 12


def test_the_fastest_of_several_counts() -> None:
    ticks = iter([0.0, 0.5, 1.0, 1.2, 2.0, 2.9])
    assert round(hash_seconds(4, cpu_seconds=lambda: next(ticks)), 6) == 0.2
