"""Workspaces, the tenants."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.ids import PLATFORM
from services.tenancy.domain.errors import IdInvalid, NameInvalid

#: Session policy of a new workspace.
IDLE: Final = timedelta(days=14)
ABSOLUTE: Final = timedelta(days=90)
MAX_NAME_LENGTH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """How long sessions of a workspace live."""

    idle: timedelta = IDLE
    absolute: timedelta = ABSOLUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A tenant."""

    id: UUID
    name: str
    #: Its part of URLs; never changes.
    slug: str
    region: str
    created_at: datetime
    created_by: UUID
    policy: SessionPolicy = SessionPolicy()


def checked_id(value: UUID) -> UUID:
    """An identifier that a caller chose. Raises IdInvalid."""
    if value.version != 7 or value == PLATFORM:
        raise IdInvalid
    return value


def checked_name(name: str) -> str:
    """The name in NFC, without white space around it. Control, format and private characters are refused: a name is
    shown in mails and pages. Raises NameInvalid."""
    clean = unicodedata.normalize("NFC", name).strip()
    if not 0 < len(clean) <= MAX_NAME_LENGTH:
        raise NameInvalid
    if any(unicodedata.category(character)[0] == "C" for character in clean):
        raise NameInvalid
    return clean
