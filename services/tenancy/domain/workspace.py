"""Workspaces, the tenants."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.display_name import NotDisplayable, displayable
from libs.ids import PLATFORM
from services.tenancy.domain.errors import IdInvalid, NameInvalid, SlugTaken

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
    #: None for the platform's own.
    created_by: UUID | None
    policy: SessionPolicy = SessionPolicy()


#: The platform's workspace: its members are the operators, whose grants there live for a working day at most.
PLATFORM_SLUG: Final = "platform"
PLATFORM_NAME: Final = "Platform"
PLATFORM_POLICY: Final = SessionPolicy(idle=timedelta(hours=1), absolute=timedelta(hours=12))


def platform_workspace(*, name: str, region: str, created_at: datetime) -> Workspace:
    """The platform's workspace, which no person creates."""
    return Workspace(
        id=PLATFORM,
        name=name,
        slug=PLATFORM_SLUG,
        region=region,
        created_at=created_at,
        created_by=None,
        policy=PLATFORM_POLICY,
    )


def checked_id(value: UUID) -> UUID:
    """An identifier that a caller chose. Raises IdInvalid."""
    if value.version != 7 or value == PLATFORM:
        raise IdInvalid
    return value


def checked_slug(slug: str) -> str:
    """A name in URLs that a person chose. Raises SlugTaken for one that is reserved."""
    if slug == PLATFORM_SLUG:
        raise SlugTaken
    return slug


def checked_name(name: str) -> str:
    """The name as it is stored and shown. Raises NameInvalid."""
    try:
        return displayable(name, longest=MAX_NAME_LENGTH)
    except NotDisplayable:
        raise NameInvalid from None
