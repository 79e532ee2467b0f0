"""The events that audit itself emits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.client import Client
from libs.events.event import (
    Actor,
    ActorKind,
    Event,
    Outcome,
    PersonalValues,
    SearchTags,
    Target,
)
from services.audit.domain.record import ProductRecord, Recorder

EXPORT_REQUESTED = "export.requested"
PERMISSION_DENIED = "permission.denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The person behind a call, and the client that they called with."""

    workspace: UUID
    subject: UUID
    session: UUID | None
    #: OAuth client id.
    client_id: str
    client: Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What a person's client is sealed to and searched by."""

    #: Audit's key of (subject, workspace); None leaves the values out.
    reader_key: ReaderPublicKey | None
    tags: SearchTags | None


def by_caller(
    *,
    event_id: UUID,
    action: str,
    occurred_at: datetime,
    caller: Caller,
    sealing: Sealing,
    details: Mapping[str, str],
    outcome: Outcome = Outcome.SUCCESS,
) -> Event:
    """What a person did with their workspace's log, or tried."""
    return Event(
        event_id=event_id,
        log=caller.workspace,
        action=action,
        occurred_at=occurred_at,
        outcome=outcome,
        actor=Actor(kind=ActorKind.SUBJECT, id=caller.subject, session=caller.session, client=caller.client_id),
        target=Target(kind="log", id=caller.workspace),
        details=details,
        personal=_personal(sealing, caller.client),
        tags=sealing.tags,
    )


def recorded(*, record: ProductRecord, recorder: Recorder, occurred_at: datetime, sealing: Sealing) -> Event:
    """What a product says happened to its record."""
    return Event(
        event_id=record.event_id,
        log=recorder.workspace,
        action=record.action,
        occurred_at=occurred_at,
        actor=Actor(kind=ActorKind.SUBJECT, id=recorder.subject, session=recorder.session, client=recorder.service),
        target=Target(kind=record.kind, id=record.id.encode()),
        details=record.details,
        personal=_personal(sealing, record.client),
        tags=sealing.tags,
    )


def _personal(sealing: Sealing, client: Client) -> tuple[PersonalValues, ...]:
    if sealing.reader_key is None:
        return ()
    return (PersonalValues(role="actor", reader_key=sealing.reader_key, values=client.values),)
