"""Invitations: how people come into a workspace."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from services.tenancy.domain.errors import InvitationInvalid, PermissionMissing, RoleAboveOwn
from services.tenancy.domain.membership import Membership, Roster
from wardenry.permissions import Permission, Role, allows

LIFE: Final = timedelta(days=7)
SECRET_BYTES: Final = 32
#: After a mail could not be sent it is tried again; the pause doubles from the first to the longest.
FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation of an address to a workspace, by one of its members; of the platform's first one by nobody."""

    workspace: UUID
    id: UUID
    role: Role
    #: None for the platform's first owner.
    inviter: UUID | None
    #: The address, sealed under the key of (invitation, workspace).
    address: bytes = field(repr=False)
    #: Its blind index.
    address_tag: bytes = field(repr=False)
    key: KeyReference
    created_at: datetime
    expires_at: datetime
    #: None until it is mailed, and once it is spent or revoked.
    secret_hash: bytes | None = field(default=None, repr=False)
    #: Of the secret that the operator's command showed, beside the mailed one; None for every other invitation.
    shown_hash: bytes | None = field(default=None, repr=False)
    revoked_at: datetime | None = None
    accepted_at: datetime | None = None

    def open_at(self, now: datetime) -> bool:
        """Whether it can still be accepted."""
        return self.revoked_at is None and self.accepted_at is None and now < self.expires_at

    def check_secret(self, secret_hash: bytes, *, now: datetime) -> None:
        """Raises InvitationInvalid unless the secret is this invitation's, and it is open."""
        stored = [each for each in (self.secret_hash, self.shown_hash) if each is not None]
        if not any(hmac.compare_digest(each, secret_hash) for each in stored) or not self.open_at(now):
            raise InvitationInvalid

    def check_acceptance(self, *, secret_hash: bytes, address_tag: bytes, roster: Roster, now: datetime) -> None:
        """Raises InvitationInvalid unless secret and address are this invitation's, it is open, and the inviter may
        still give its role; without an inviter, unless nobody was the first owner before. The roster has the inviter
        and the owners."""
        self.check_secret(secret_hash, now=now)
        if not hmac.compare_digest(self.address_tag, address_tag):
            raise InvitationInvalid
        self.check_backed(roster)

    def check_backed(self, roster: Roster) -> None:
        """Raises InvitationInvalid unless the inviter may still give the role, or, without one, nobody is the first
        owner."""
        if self.inviter is None:
            if roster.has_owner:
                raise InvitationInvalid
            return
        try:
            check_invitable(roster.present(self.inviter), self.role)
        except (PermissionMissing, RoleAboveOwn):
            raise InvitationInvalid from None


def check_invitable(inviter: Membership | None, role: Role) -> None:
    """Raises PermissionMissing or RoleAboveOwn unless this member may now give this role."""
    if inviter is None or not inviter.present or not allows(inviter.role, Permission.INVITATION_CREATE):
        raise PermissionMissing(Permission.INVITATION_CREATE)
    if role.is_above(inviter.role):
        raise RoleAboveOwn


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    """An invitation whose mail is to be sent now."""

    workspace: UUID
    invitation: UUID
    workspace_name: str
    role: Role
    address: bytes = field(repr=False)
    key: KeyReference
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """An accepted invitation whose key is to become a part of the person's."""

    workspace: UUID
    invitation: UUID
    subject: UUID
