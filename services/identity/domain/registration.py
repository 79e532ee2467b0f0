"""Registrations: an address is proved before a subject exists, so nobody can prepare an account for somebody else."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from libs.display_name import NotDisplayable, displayable
from libs.ids import Entropy
from services.identity.domain.errors import NameInvalid

CODE_LIFETIME: Final = timedelta(minutes=10)
MOST_TRIES: Final = 5
#: Characters of a person's name.
LONGEST_NAME: Final = 128
_CODES: Final = 10**8


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A sign-up that waits for its code, as it is stored."""

    registration_id: UUID
    #: The id that the subject gets.
    subject_id: UUID
    #: Blind index of registration and code.
    code_tag: bytes
    browser_binding: bytes
    #: A sealed Applicant, place "registration.content".
    content: bytes
    #: The visitor key of (platform, day) that it is sealed under.
    data_key: KeyReference
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Who signs up, in clear."""

    #: Normalised.
    address: str = field(repr=False)
    display_name: str = field(repr=False)
    password_hash: str = field(repr=False)

    def to_bytes(self) -> bytes:
        return json.dumps([self.address, self.display_name, self.password_hash]).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        address, display_name, password_hash = json.loads(content)
        return cls(address=address, display_name=display_name, password_hash=password_hash)


def checked_name(name: str) -> str:
    """A person's name as it is stored and shown. Raises NameInvalid."""
    try:
        return displayable(name, longest=LONGEST_NAME)
    except NotDisplayable:
        raise NameInvalid from None


def new_code(entropy: Entropy) -> str:
    """Eight digits, each code as likely as any other to one part in 10^30."""
    return f"{int.from_bytes(entropy.bytes(16), 'big') % _CODES:08d}"
