"""A membership as session needs it: which tokens it may issue for a workspace, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """How long sessions live."""

    #: Without use.
    idle: timedelta
    #: In any case.
    absolute: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a subject stands to a workspace."""

    role: str
    #: Of the membership: the claim mep.
    epoch: int
    #: Time in tenancy's database of the snapshot that both were read in.
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A membership that exists."""

    subject: UUID
    workspace: UUID
    standing: Standing
    #: Audit's key for (subject, workspace).
    audit_key: ReaderPublicKey
    policy: SessionPolicy
