"""Requests: how people use their rights, and what is done for each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from services.datarights.domain.errors import IdInvalid
from wardenry.warrants import ACCESS, ERASURE

#: A request must be done in this time (GDPR Article 12(3): one month).
DUE = timedelta(days=30)
#: An archive can be fetched for so long.
ARCHIVE_LIFE = timedelta(days=7)
#: Pauses between attempts: the first, doubling, to the longest.
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)
#: Nobody takes longer to fetch one.
FETCHING = timedelta(minutes=30)
#: A worker that has said nothing for so long is taken to have died.
LEASE = timedelta(seconds=60)

#: Who holds personal data, in the order in which it is removed: tenancy first, because it alone may have to refuse;
#: identity last, because nobody signs in after it.
PARTICIPANTS = ("tenancy", "session", "audit", "identity")
#: Datarights' own part of a person's data.
ITSELF = "datarights"
#: Who hears of things by events, and so a little later. What it holds counts as all of it once it has heard of the
#: request; a log that has not within this time has lost it, and what there is must do.
LOG = "audit"
HEARING = timedelta(days=1)


class Deed(StrEnum):
    """What a step does, as it is written down."""

    #: A participant is asked for its data.
    GATHER = "gather"
    ASSEMBLE = "assemble"
    #: A participant removes its data.
    ERASE = "erase"
    DESTROY_ARCHIVES = "destroy archives"
    DESTROY_KEYS = "destroy keys"


class Step(NamedTuple):
    """A part of meeting a request. It may be done twice."""

    deed: Deed
    #: Whom it concerns, where it is one participant's.
    participant: str = ""

    @property
    def name(self) -> str:
        """By which it is known that it was done."""
        return f"{self.deed} {self.participant}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request."""

    subject: UUID
    id: UUID
    #: wardenry.warrants.ACCESS or ERASURE.
    right: str
    created_at: datetime
    due_at: datetime
    completed_at: datetime | None = None
    #: The data key of (subject, platform).
    key: KeyReference
    archive_expires_at: datetime | None = None
    archive_fetched_at: datetime | None = None

    def archive_until(self, now: datetime) -> datetime | None:
        """Until when the archive can be fetched; None when it cannot."""
        if self.archive_fetched_at is not None or self.archive_expires_at is None or self.archive_expires_at <= now:
            return None
        return self.archive_expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A worker's attempt at a request."""

    subject: UUID
    request: UUID
    id: UUID
    #: Since the last step that was done, this one included.
    attempt: int
    #: By when the request must be done.
    due_at: datetime


def steps_of(right: str) -> tuple[Step, ...]:
    """What is done for a request, in this order."""
    if right == ACCESS:
        others = (each for each in (*PARTICIPANTS, ITSELF) if each != LOG)
        return (*(Step(Deed.GATHER, each) for each in (*others, LOG)), Step(Deed.ASSEMBLE))
    if right == ERASURE:
        erasures = (Step(Deed.ERASE, each) for each in PARTICIPANTS)
        return (*erasures, Step(Deed.DESTROY_ARCHIVES), Step(Deed.DESTROY_KEYS))
    raise ValueError(f"nothing is done for {right!r}")


def pause_after(attempt: int) -> timedelta:
    """How long to wait after an attempt that failed; the first is 1."""
    doublings = min(max(attempt - 1, 0), 20)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def checked_id(value: UUID) -> UUID:
    """An identifier that a caller chose. Raises IdInvalid."""
    if value.version != 7:
        raise IdInvalid
    return value
