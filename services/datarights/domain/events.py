"""What datarights writes into the log: the platform's, for a request is about the person and no workspace."""

from datetime import datetime
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.event import (
    DEVICE_FINGERPRINT,
    IP_ADDRESS,
    USER_AGENT,
    Actor,
    ActorKind,
    Event,
    PersonalValues,
    SearchTags,
    Target,
)
from libs.ids import PLATFORM
from services.datarights.domain.caller import Caller
from services.datarights.domain.request import Request
from wardenry.warrants import ACCESS

_ITSELF = Actor(kind=ActorKind.SERVICE, client="datarights")


def requested(
    request: Request, *, event_id: UUID, caller: Caller, audit_key: ReaderPublicKey, tags: SearchTags | None
) -> Event:
    """A person asked for their data, or to be erased."""
    access = request.right == ACCESS
    values = {
        IP_ADDRESS: caller.client_address,
        USER_AGENT: caller.user_agent,
        DEVICE_FINGERPRINT: caller.device_fingerprint,
    }
    return Event(
        event_id=event_id,
        log=PLATFORM,
        action="export.requested" if access else "erasure.requested",
        occurred_at=request.created_at,
        actor=Actor(kind=ActorKind.SUBJECT, id=caller.subject, session=caller.session, client=caller.client),
        target=Target(kind="request", id=request.id),
        details={"format": "archive", "filter": "all data of the person"} if access else {},
        personal=(PersonalValues(role="actor", reader_key=audit_key, values=values),),
        tags=tags,
    )


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
