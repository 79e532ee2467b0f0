"""An event as it waits in the outbox."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One event to send.

    `log` is the audit log that it belongs to, `envelope` the serialised wardenry.events.v1.Envelope, `traceparent`
    the W3C trace context of the call that caused it.
    """

    event_id: UUID
    log: UUID
    action: str
    occurred_at: datetime
    envelope: bytes
    traceparent: str | None = None
