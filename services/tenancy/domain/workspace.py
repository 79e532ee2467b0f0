"""Workspaces, the tenants."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.display_name import NotDisplayable, displayable
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
    """The name as it is stored and shown. Raises NameInvalid."""
    try:
        return displayable(name, longest=MAX_NAME_LENGTH)
    except NotDisplayable:
        raise NameInvalid from None
