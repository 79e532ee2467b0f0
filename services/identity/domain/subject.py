"""Subjects: people whose address is verified."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from libs.crypto.reader_key import ReaderPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A person, with the values as they are stored."""

    subject_id: UUID
    #: Tickets and tokens of a lower epoch are void. From 1.
    epoch: int
    created_at: datetime
    #: Sealed under `data_key`, place "subject.display_name".
    display_name: bytes
    address_id: UUID
    #: Sealed under `data_key`, place "address.value".
    address: bytes
    verified_at: datetime
    #: The data key of (subject, platform).
    data_key: KeyReference
    #: What events seal this person's values to.
    audit_key: ReaderPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person's name and verified address, in clear."""

    subject_id: UUID
    display_name: str = field(repr=False)
    address: str = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDevice:
    """A browser that the subject has signed in with, as the subject may see it."""

    remembered_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A subject's password hash and epoch, read in one statement; what a password is verified against."""

    hash: str = field(repr=False)
    subject_epoch: int
    audit_key: ReaderPublicKey
