"""Tickets: what a finished authentication hands to the browser's flow."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.secret_hash import hash_of

TICKET_BYTES: Final = 32
LIFETIME: Final = timedelta(seconds=60)
PASSWORD_METHODS: Final = ("pwd",)
#: One factor (NIST SP 800-63B).
ONE_FACTOR: Final = "aal1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What was proved, as it is stored."""

    subject_id: UUID
    #: SHA-256 of the 32 random bytes.
    ticket_hash: bytes
    #: The epoch when the credential was read.
    subject_epoch: int
    browser_binding: bytes
    methods: tuple[str, ...]
    context_class: str
    authenticated_at: datetime
    workspace_id: UUID | None
    #: When this flow created the subject; None for a later sign-in.
    registered_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """A spent ticket."""

    ticket: Ticket
    audit_key: ReaderPublicKey


def password_ticket(
    value: bytes,
    *,
    subject_id: UUID,
    subject_epoch: int,
    browser_binding: bytes,
    workspace_id: UUID | None,
    now: datetime,
    registered: bool = False,
) -> Ticket:
    """The ticket of somebody whose password held."""
    return Ticket(
        subject_id=subject_id,
        ticket_hash=hash_of(value),
        subject_epoch=subject_epoch,
        browser_binding=browser_binding,
        methods=PASSWORD_METHODS,
        context_class=ONE_FACTOR,
        authenticated_at=now,
        workspace_id=workspace_id,
        registered_at=now if registered else None,
        expires_at=now + LIFETIME,
    )
