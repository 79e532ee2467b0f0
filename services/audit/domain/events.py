"""The events that audit itself emits."""

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
    Outcome,
    SearchTags,
    Target,
)
from services.audit.domain.record import ProductRecord, Recorder

EXPORT_REQUESTED = "export.requested"
PERMISSION_DENIED = "permission.denied"


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
    log: UUID,
    caller: Caller,
    sealing: Sealing,
    details: Mapping[str, str],
    outcome: Outcome = Outcome.SUCCESS,
) -> Event:
    """What a person did with their workspace's log, or tried."""
    return Event(
        event_id=event_id,
        log=log,
        action=action,
        occurred_at=occurred_at,
        outcome=outcome,
        actor=caller.actor,
        target=Target(kind="log", id=log),
        details=details,
        personal=caller.client.personal(sealing.reader_key),
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
        personal=record.client.personal(sealing.reader_key),
        tags=sealing.tags,
    )
