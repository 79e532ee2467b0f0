"""The events that session emits."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.caller import Caller
from libs.events.event import (
    Actor,
    ActorKind,
    Event,
    Outcome,
    Target,
)
from libs.ids import PLATFORM

USER_LOGIN = "user.login"
USER_LOGOUT = "user.logout"
SESSION_REFRESHED = "session.refreshed"
SESSION_RETRIED = "session.retried"
SESSION_REUSED = "session.reused"
SESSION_REVOKED = "session.revoked"
GRANT_CREATED = "grant.created"
TOKEN_EXCHANGED = "token.exchanged"  # noqa: S105 - the name of an action

_FINGERPRINT_BYTES = 16


def log_of(workspace: UUID | None) -> UUID:
    """The log of what happens under a token: its workspace's, or the platform's."""
    return PLATFORM if workspace is None else workspace


def by_subject(
    *,
    event_id: UUID,
    action: str,
    occurred_at: datetime,
    caller: Caller,
    workspace: UUID | None,
    target: Target,
    audit_key: ReaderPublicKey,
    device_binding: bytes,
    tag_key: bytes | None,
    reason: str = "",
    details: Mapping[str, str] | None = None,
    outcome: Outcome = Outcome.SUCCESS,
) -> Event:
    """What a subject did, or what was done with its token, from a client that the gateway described.

    `device_binding` is the SHA-256 of the device cookie. Its first half, in hex, is how events name the device.
    """
    client = replace(caller.client, device=device_binding[:_FINGERPRINT_BYTES].hex())
    return Event(
        event_id=event_id,
        log=log_of(workspace),
        action=action,
        occurred_at=occurred_at,
        actor=caller.actor,
        outcome=outcome,
        target=target,
        reason=reason,
        details=details or {},
        personal=client.personal(audit_key),
        tags=client.tags(tag_key),
    )


def revoked_by_service(*, event_id: UUID, occurred_at: datetime, session: UUID, service: str, reason: str) -> Event:
    """A session that another service had ended, on the person's behalf."""
    return Event(
        event_id=event_id,
        log=PLATFORM,
        action=SESSION_REVOKED,
        occurred_at=occurred_at,
        actor=Actor(kind=ActorKind.SERVICE, client=service),
        target=Target(kind="session", id=session),
        reason=reason,
    )
