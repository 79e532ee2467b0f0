"""Measuring the costs of a password's hash on this machine."""

from collections.abc import Callable

from libs.crypto.password_cost import LEAST_COST, MOST_COST, calibrated_cost, hash_seconds
from services.operator.domain.calibration import Calibration

#: Costs whose hash takes longer than this are not measured: they are no choice, and it would take long.
_LONGEST = 2.0
#: What takes longer than this is measured once: the more work, the less chance weighs.
_LONG = 0.2


class Calibrate:
    def __init__(self, *, cpu_seconds: Callable[[], float]) -> None:
        """`cpu_seconds` is the thread's own time: a busy machine is not taken for a slow one."""
        self._cpu_seconds = cpu_seconds

    def __call__(self, target_seconds: float) -> Calibration:
        """The costs up to one above the chosen one, three of them at least, and which one identity chooses."""
        chosen = calibrated_cost(target_seconds=target_seconds, cpu_seconds=self._cpu_seconds)
        seconds: dict[int, float] = {}
        for cost in range(LEAST_COST, min(MOST_COST, max(chosen + 1, LEAST_COST + 2)) + 1):
            if seconds and cost > chosen and 2 * seconds[cost - 1] > _LONGEST:
                break
            probes = 1 if seconds.get(cost - 1, 0) > _LONG / 2 else 3
            seconds[cost] = hash_seconds(cost, cpu_seconds=self._cpu_seconds, probes=probes)
        return Calibration(target_seconds=target_seconds, seconds=seconds, chosen=chosen)
