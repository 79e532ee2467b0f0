"""What hashing a password costs on one machine."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    target_seconds: float
    #: What one hash of each cost took, by cost, ascending.
    seconds: Mapping[int, float]
    #: The cost that identity chooses on such a machine for this target.
    chosen: int

    @property
    def kept(self) -> bool:
        """Whether the chosen cost keeps within the target: the least one is chosen in any case."""
        return self.seconds[self.chosen] <= self.target_seconds * _TOLERANCE


#: Measurements differ from one to the next.
_TOLERANCE = 1.1
