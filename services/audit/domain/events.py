"""The events that audit itself emits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """The person behind a call, and their client as the gateway saw it."""

    workspace: UUID
    subject: UUID
    session: UUID | None
    client: str
    client_address: str = field(default="", repr=False)
    user_agent: str = field(default="", repr=False)
    device_fingerprint: str = field(default="", repr=False)
    country: str = ""


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
        actor=Actor(kind=ActorKind.SUBJECT, id=caller.subject, session=caller.session, client=caller.client),
        target=Target(kind="log", id=caller.workspace),
        details=details,
        personal=_personal(sealing, caller.client_address, caller.user_agent, caller.device_fingerprint),
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
        personal=_personal(sealing, record.client_address, record.client_agent),
        tags=sealing.tags,
    )


def _personal(
    sealing: Sealing, client_address: str, user_agent: str, device_fingerprint: str = ""
) -> tuple[PersonalValues, ...]:
    if sealing.reader_key is None:
        return ()
    values = {IP_ADDRESS: client_address, USER_AGENT: user_agent, DEVICE_FINGERPRINT: device_fingerprint}
    return (PersonalValues(role="actor", reader_key=sealing.reader_key, values=values),)
