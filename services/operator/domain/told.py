"""What a service tells about itself: its clock, the events that wait, the records that it parked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_ZERO: Final = timedelta(0)
#: Reasons for which anybody who can write to a topic can have a record parked. No event is lost with it.
UNVERIFIED: Final = frozenset({"malformed", "forged"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """By how much a clock is ahead of ours, as far as a question and its answer can tell; negative: behind."""

    #: At least, and at most.
    least: timedelta
    most: timedelta

    @property
    def ahead(self) -> timedelta:
        """By how much at least it is off, either way; zero while it may be right."""
        return max(self.least, _ZERO) or min(self.most, _ZERO)

    def ahead_of(self, other: "Clock") -> timedelta:
        """By how much at least it is ahead of the other one; zero while the two may agree."""
        return max(self.least - other.most, _ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Events that one consumer has not taken in."""

    consumer: str
    #: None where the consumer did not say how far it has come.
    events: int | None
    #: How long ago the oldest happened; None where there is none, or none is kept any more.
    oldest: timedelta | None
    #: Whether the consumer has numbers that the source's database never gave.
    ahead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """Events on their way out of a service."""

    #: Those that its relay has not numbered, and how long ago the oldest happened.
    unnumbered: int
    oldest_unnumbered: timedelta | None
    backlogs: Sequence[Backlog]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Records that were set aside for one reason."""

    reason: str
    records: int
    #: When the first and the last one were.
    first_at: datetime
    last_at: datetime
    #: How long ago the last one was.
    last: timedelta

    @property
    def unverified(self) -> bool:
        """Whether anybody may have sent them."""
        return self.reason in UNVERIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one service told."""

    clock: Clock
    #: None where its database did not answer.
    outbox: Outbox | None
    parked: Sequence[Parked] | None
