"""A page of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What is shown, and whether there is more after it."""

    items: Sequence[T]
    more: bool


def page_of(rows: Sequence[T], limit: int) -> Page[T]:
    """The first `limit` of the rows, of which one more than that was asked for."""
    return Page(rows[:limit], len(rows) > limit)
