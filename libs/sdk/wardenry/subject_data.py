"""What a service says and does about the personal data that it holds: the participant contract, in its own terms.

Implement `Participant` and serve it with wardenry.participant: then access, rectification and erasure reach you.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

#: What a row of an export may hold: texts, numbers, truth values, nothing, and lists of texts.
Value = str | int | bool | None | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One kind of personal data: a row of a record of processing (GDPR Article 30)."""

    #: "sessions": lower case, digits and hyphens.
    name: str
    #: What it is, in a sentence.
    description: str
    #: Why it is held.
    purpose: str
    #: For how long, in a sentence.
    retention: str
    #: Fields of its rows.
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one category."""

    category: str
    #: By field, as described.
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """A workspace whose other members would be left without an owner."""

    workspace: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What an erasure leaves, and why."""

    category: str
    #: The obligation, in a sentence.
    obligation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure did."""

    rows: int
    kept: tuple[Kept, ...] = ()


class Participant(Protocol):
    """A service that holds personal data. Every method but `categories` runs under a verified warrant of the person."""

    def categories(self) -> Sequence[Category]:
        """What it holds about people."""
        ...

    async def obstacles(self, subject: UUID) -> Sequence[Obstacle]:
        """What stands in the way of erasing the person. Under a warrant for erasure."""
        ...

    def rows(self, subject: UUID) -> AsyncIterator[Row]:
        """Everything that it holds about the person, in clear, and nothing about anybody else."""
        ...

    async def rectify(self, subject: UUID, *, field: str, value: str) -> int:
        """Corrects the field ("name") wherever it is held; answers in how many rows. Repeating it is harmless."""
        ...

    async def erase(self, subject: UUID) -> Erased:
        """Removes what it holds about the person and is not held by law. Repeating it is harmless."""
        ...
