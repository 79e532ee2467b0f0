"""The events that session emits."""

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
    Target,
)
from libs.events.search_tags import search_tags
from libs.ids import PLATFORM
from services.session.domain.session import Client

USER_LOGIN = "user.login"
USER_LOGOUT = "user.logout"
SESSION_REFRESHED = "session.refreshed"
SESSION_RETRIED = "session.retried"
SESSION_REUSED = "session.reused"
SESSION_REVOKED = "session.revoked"
GRANT_CREATED = "grant.created"
TOKEN_EXCHANGED = "token.exchanged"  # noqa: S105 - the name of an action

_FINGERPRINT_BYTES = 16


def fingerprint_of(device_binding: bytes) -> str:
    """The device as events name it: the first half of the SHA-256 of its cookie, in hex. No credential."""
    return device_binding[:_FINGERPRINT_BYTES].hex()


def log_of(workspace: UUID | None) -> UUID:
    """The log of what happens under a token: its workspace's, or the platform's."""
    return PLATFORM if workspace is None else workspace


def by_subject(
    *,
    event_id: UUID,
    action: str,
    occurred_at: datetime,
    subject: UUID,
    session: UUID,
    client_id: str,
    workspace: UUID | None,
    target: Target,
    audit_key: ReaderPublicKey,
    client: Client,
    fingerprint: str,
    tag_key: bytes | None,
    reason: str = "",
    details: dict[str, str] | None = None,
    outcome: Outcome = Outcome.SUCCESS,
) -> Event:
    """What a subject did, or what was done with its token, from a client that the gateway described."""
    return Event(
        event_id=event_id,
        log=log_of(workspace),
        action=action,
        occurred_at=occurred_at,
        actor=Actor(kind=ActorKind.SUBJECT, id=subject, session=session, client=client_id),
        outcome=outcome,
        target=target,
        reason=reason,
        details=details or {},
        personal=(
            PersonalValues(
                role="actor",
                reader_key=audit_key,
                values={
                    IP_ADDRESS: client.ip_address,
                    USER_AGENT: client.user_agent,
                    DEVICE_FINGERPRINT: fingerprint,
                },
            ),
        ),
        tags=None
        if tag_key is None
        else search_tags(
            tag_key,
            client_address=client.ip_address,
            user_agent=client.user_agent,
            device_fingerprint=fingerprint,
            country=client.country,
        ),
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
