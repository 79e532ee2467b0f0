"""What a row yields, and what it is given to work with."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.machine import Cores


class NotMeasured(Exception):
    """Something that the row needs is not there. The text says what."""


class Failed(Exception):
    """What was measured did not do what it should, so its figures mean nothing. The text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One figure beside its limit."""

    #: The row of the goals, "R1"; further figures of the same row have a suffix, "R1-gateway".
    id: str
    what: str
    result: float
    unit: str
    #: What it is compared with, in the same unit, and what that is.
    limit: float
    against: str
    #: What the ratio of result to limit must be: at least this, or at most.
    goal: float
    at_least: bool
    #: CPU milliseconds an operation, by process.
    cpu_ms_per_op: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Of result to limit."""
        return self.result / self.limit if self.limit else float(self.result > 0)

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal

    def as_json(self) -> dict[str, Any]:
        """What is written for programs."""
        return {
            "id": self.id,
            "result": round(self.result, 6),
            "unit": self.unit,
            "limit": round(self.limit, 6),
            "ratio": round(self.ratio, 6),
            "goal": self.goal,
            "met": self.met,
            "cpu_ms_per_op": {name: round(value, 6) for name, value in self.cpu_ms_per_op.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every row is given."""

    #: At most ten seconds a row, apart from starting things.
    quick: bool
    cores: Cores
    #: Tells a person how it goes.
    say: Callable[[str], None]
    #: Lines below the table.
    notes: list[str] = field(default_factory=list)
    #: How things were set, by name: what a figure means nothing without.
    state: dict[str, str] = field(default_factory=dict)

    def seconds(self, full: float, quick: float) -> float:
        return quick if self.quick else full

    def count(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def note(self, line: str) -> None:
        self.notes.append(line)


def middle(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each name over the rounds."""
    return {name: statistics.median(each[name] for each in figures) for name in figures[0]}
