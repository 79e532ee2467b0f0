"""What identity reports to the audit log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.caller import Visitor
from libs.events.client import Client
from libs.events.event import (
    Actor,
    ActorKind,
    Event,
    Outcome,
    Payload,
    Target,
)
from libs.ids import Ids
from services.identity.domain.attempt import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Who did something, from where, and with which keys that is written down: the same for all events of a call."""

    #: The log: a workspace, or the platform.
    log: UUID
    occurred_at: datetime
    actor: Actor
    client: Client
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
            personal=self.client.personal(self.reader_key, values),
            tags=self.client.tags(self.tag_key, typed_address=typed_address),
            payload=payload,
        )

    def failed(self, failure: Failure, ids: Ids, *, reason: str, typed_address: str) -> Iterator[Event]:
        """An attempt to authenticate failed, and maybe locked the account. Says the same of known and unknown ones."""
        yield self.event(
            ids.uuid7(), "authentication.failed", outcome=Outcome.FAILURE, reason=reason, typed_address=typed_address
        )
        if failure.locks:
            yield self.event(
                ids.uuid7(),
                "authentication.locked",
                outcome=Outcome.FAILURE,
                reason="failures",
                typed_address=typed_address,
            )


def known(visitor: Visitor, subject_id: UUID) -> Actor:
    """The same one, now that a factor held."""
    return Actor(kind=ActorKind.SUBJECT, id=subject_id, client=visitor.client_id)
