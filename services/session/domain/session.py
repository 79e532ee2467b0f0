"""A session: what a person is signed in with, from one sign-in to its end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey

#: Why a session ended, as events and rows say it.
EndReason = Literal["logout", "revoked", "credential", "reused", "erasure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What identity proved, and for whom."""

    subject: UUID
    subject_epoch: int
    amr: tuple[str, ...]
    acr: str
    authenticated_at: datetime
    #: The workspace whose page the sign-in began on.
    workspace: UUID | None
    #: Audit's key for (subject, platform). Session's own reading key belongs to the same data key.
    audit_key: ReaderPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session to be stored."""

    session: UUID
    client_id: str
    authentication: Authentication
    ip_address_sealed: bytes
    user_agent_sealed: bytes
    country: str
    absolute: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSession:
    """A live session, as its owner's list shows it, still sealed."""

    session: UUID
    created_at: datetime
    #: To the last refresh of any of its grants.
    last_used_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    ip_address_sealed: bytes
    user_agent_sealed: bytes
    #: The data key that both were sealed under.
    reader_key: ReaderPublicKey
    country: str
    workspaces: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSession:
    """A session with everything that is held about it, ended or not, still sealed."""

    session: UUID
    client_id: str
    amr: tuple[str, ...]
    acr: str
    authenticated_at: datetime
    ip_address_sealed: bytes
    user_agent_sealed: bytes
    #: The data key that both were sealed under.
    reader_key: ReaderPublicKey
    country: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    end_reason: str
    last_used_at: datetime | None
    workspaces: tuple[UUID, ...]
