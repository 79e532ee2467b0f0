"""A snapshot of PostgreSQL: which transactions had ended when it was taken."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A `pg_snapshot`."""

    #: As PostgreSQL writes it: xmin:xmax:xip_list.
    text: str
    #: Every transaction below had ended.
    xmin: int
    #: No transaction from here on had ended.
    xmax: int
    #: Those in between that had not.
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError."""
        xmin, xmax, running = text.split(":")
        return cls(
            text=text,
            xmin=int(xmin),
            xmax=int(xmax),
            running=frozenset(int(each) for each in running.split(",") if each),
        )

    def sees(self, transaction: int) -> bool:
        """Whether this transaction had ended, as `pg_visible_in_snapshot` has it."""
        return transaction < self.xmin or (transaction < self.xmax and transaction not in self.running)
