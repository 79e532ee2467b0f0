"""Event numbers."""

from typing import NamedTuple


class Position(NamedTuple):
    """An event number, or what a consumer expects next. Ordered by generation, then number.

    Numbers are dense from 0 within a source, bucket and generation. A generation begins, one higher, when the source's
    database was restored to an earlier point: what the database still holds is then numbered again from 0.
    """

    generation: int
    number: int

    def next(self) -> "Position":
        """The position after this one, in the same generation."""
        return Position(self.generation, self.number + 1)


#: Where a consumer stands before the first event. Below every event number: generations begin at 1.
BEFORE_ALL = Position(0, 0)
