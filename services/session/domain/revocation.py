"""What validators must refuse."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """The end of a session, or of a subject's lower epochs, as it was written."""

    #: Of the transaction that wrote it.
    transaction: int
    subject: UUID
    #: The session that ended; None for an epoch.
    session: UUID | None
    #: The least valid epoch; None for a session.
    epoch: int | None
    revoked_at: datetime
