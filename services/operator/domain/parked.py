"""Records that consumers of events set aside, and what becomes of those that failed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

#: The services that take events in.
CONSUMERS = ("session", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Which event a record is."""

    source: str
    bucket: int
    generation: int
    number: int
    event_id: UUID
    log: UUID
    action: str
    #: By the source's clock.
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """One record of one consumer."""

    consumer: str
    #: SHA-256 that tells it apart.
    digest: bytes
    reason: str
    #: What the consumer said of it.
    detail: str
    topic: str
    #: Bytes.
    size: int
    parked_at: datetime
    #: None where its source does not vouch for it.
    event: Event | None


class Outcome(StrEnum):
    TAKEN = "taken"
    #: Somebody else was first.
    GONE = "gone"
    #: The consumer does not take it, or not this late.
    REFUSED = "refused"
    #: It failed again.
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What became of a record. What is neither taken nor gone stays parked."""

    digest: bytes
    outcome: Outcome
    #: Why it stays.
    detail: str
    #: None where the record cannot be read any more.
    event: Event | None

    @property
    def stays(self) -> bool:
        return self.outcome not in (Outcome.TAKEN, Outcome.GONE)
