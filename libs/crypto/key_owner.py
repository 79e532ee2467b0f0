"""Whose a data key is. Pure: a domain may import it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectOwner:
    """A person in a workspace; libs.ids.PLATFORM for the person's own data in the home region."""

    subject: UUID
    workspace: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationOwner:
    """An invitee in a workspace, before acceptance."""

    invitation: UUID
    workspace: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorOwner:
    """Visitors of a log on one day (UTC): everybody for whom no factor has held yet."""

    log: UUID
    day: date


KeyOwner = SubjectOwner | InvitationOwner | VisitorOwner


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReference:
    """One version of one data key: what sealed bytes are stored with."""

    key_id: UUID
    #: From 1.
    version: int


@dataclass(frozen=True, slots=True)
class Destroyed:
    """In a batch of keys, the place of one that is gone for good."""
