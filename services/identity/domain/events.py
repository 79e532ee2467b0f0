"""What identity reports to the audit log."""

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
    Payload,
    PersonalValues,
    Target,
)
from libs.events.search_tags import search_tags
from services.identity.domain.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Who did something, from where, and with which keys that is written down: the same for all events of a call."""

    #: The log: a workspace, or the platform.
    log: UUID
    occurred_at: datetime
    actor: Actor
    client: Client
    #: libs.events.search_tags.device_fingerprint; "" without a device.
    device_fingerprint: str = ""
    #: Audit's key of (actor, log's workspace); of visitors until a factor holds.
    reader_key: ReaderPublicKey
    #: Of (log, month).
    tag_key: bytes = field(repr=False)

    def event(
        self,
        event_id: UUID,
        action: str,
        *,
        outcome: Outcome = Outcome.SUCCESS,
        target: Target | None = None,
        reason: str = "",
        details: Mapping[str, str] | None = None,
        values: Mapping[str, str] | None = None,
        typed_address: str = "",
        payload: Payload | None = None,
    ) -> Event:
        """One event. `values` are further personal values of the actor; `typed_address` leaves a tag, no value."""
        personal = {
            IP_ADDRESS: self.client.address,
            USER_AGENT: self.client.user_agent,
            DEVICE_FINGERPRINT: self.device_fingerprint,
            **(values or {}),
        }
        return Event(
            event_id=event_id,
            log=self.log,
            action=action,
            occurred_at=self.occurred_at,
            actor=self.actor,
            outcome=outcome,
            target=target,
            reason=reason,
            details=details or {},
            personal=(PersonalValues(role="actor", reader_key=self.reader_key, values=personal),),
            tags=search_tags(
                self.tag_key,
                client_address=self.client.address,
                user_agent=self.client.user_agent,
                device_fingerprint=self.device_fingerprint,
                country=self.client.country,
                typed_address=typed_address,
            ),
            payload=payload,
        )

    def failure(self, event_id: UUID, *, reason: str, typed_address: str) -> Event:
        """An attempt to authenticate failed. Says the same of known and unknown accounts."""
        return self.event(
            event_id,
            "authentication.failed",
            outcome=Outcome.FAILURE,
            reason=reason,
            typed_address=typed_address,
        )

    def lock(self, event_id: UUID, *, typed_address: str) -> Event:
        """Failures locked the account."""
        return self.event(
            event_id, "authentication.locked", outcome=Outcome.FAILURE, reason="failures", typed_address=typed_address
        )


def visitor(client: Client) -> Actor:
    """Somebody who holds no factor yet."""
    return Actor(kind=ActorKind.VISITOR, client=client.name)


def person(subject_id: UUID, client: Client, session: UUID | None = None) -> Actor:
    return Actor(kind=ActorKind.SUBJECT, id=subject_id, session=session, client=client.name)
