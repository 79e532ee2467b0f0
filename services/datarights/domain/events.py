"""What datarights writes into the log: the platform's, for a request is about the person and no workspace."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.caller import Caller
from libs.events.event import (
    Actor,
    ActorKind,
    Event,
    SearchTags,
    Target,
)
from libs.ids import PLATFORM
from services.datarights.domain.request import Request
from wardenry.warrants import ACCESS

_ITSELF = Actor(kind=ActorKind.SERVICE, client="datarights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a person's call before it has an effect."""

    event_id: UUID
    occurred_at: datetime
    caller: Caller
    #: What the person's values are sealed to.
    audit_key: ReaderPublicKey
    tags: SearchTags | None

    def event(self, action: str, request: Request, details: Mapping[str, str]) -> Event:
        return Event(
            event_id=self.event_id,
            log=PLATFORM,
            action=action,
            occurred_at=self.occurred_at,
            actor=self.caller.actor,
            target=Target(kind="request", id=request.id),
            details=details,
            personal=self.caller.client.personal(self.audit_key),
            tags=self.tags,
        )


def requested(request: Request, *, by: Circumstances) -> Event:
    """A person asked for their data, or to be erased."""
    if request.right == ACCESS:
        return by.event("export.requested", request, {"format": "archive", "filter": "all data of the person"})
    return by.event("erasure.requested", request, {})


def fetched(request: Request, *, by: Circumstances) -> Event:
    """The archive of a person's data left for the person's browser."""
    return by.event("archive.fetched", request, {})


def completed(request: Request, *, event_id: UUID, at: datetime) -> Event:
    """A request was met in every service."""
    return Event(
        event_id=event_id,
        log=PLATFORM,
        action="request.completed",
        occurred_at=at,
        actor=_ITSELF,
        target=Target(kind="request", id=request.id),
        details={"right": request.right},
    )


def erased(request: Request, *, event_id: UUID, at: datetime) -> Event:
    """A person is gone from every service, and so are their keys."""
    return Event(
        event_id=event_id,
        log=PLATFORM,
        action="subject.erased",
        occurred_at=at,
        actor=_ITSELF,
        target=Target(kind="subject", id=request.subject),
    )
