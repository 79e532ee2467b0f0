"""Records: what a product says of its own data."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.events.client import Client
from services.audit.domain.errors import ActionNotAllowed, TimeOutOfRange
from wardenry.framing import frame

ACTIONS = frozenset({"record.created", "record.updated", "record.deleted"})
#: A record may be told this much later than it happened; and clocks may differ by the leeway.
OLDEST = timedelta(days=1)
LEEWAY = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Who records, from the certificate and the token."""

    #: Mutual-TLS name of the product's service.
    service: str
    workspace: UUID
    subject: UUID
    session: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRecord:
    """One thing that happened to a product's record."""

    event_id: UUID
    action: str
    kind: str
    id: str
    #: None: now.
    occurred_at: datetime | None
    details: Mapping[str, str]
    #: As the product tells it.
    client: Client

    def check(self, now: datetime) -> None:
        """Raises ActionNotAllowed, TimeOutOfRange."""
        if self.action not in ACTIONS:
            raise ActionNotAllowed(self.action)
        if self.occurred_at is not None and not now - OLDEST <= self.occurred_at <= now + LEEWAY:
            raise TimeOutOfRange

    def digest(self, recorder: Recorder) -> bytes:
        """SHA-256 over all of it and who records: two calls that say the same have the same."""
        parts = [
            recorder.service,
            str(recorder.subject),
            str(recorder.session),
            self.action,
            self.kind,
            self.id,
            self.occurred_at.isoformat() if self.occurred_at else "",
            self.client.address,
            self.client.agent,
            *(text for pair in sorted(self.details.items()) for text in pair),
        ]
        return hashlib.sha256(frame(*(part.encode() for part in parts))).digest()
