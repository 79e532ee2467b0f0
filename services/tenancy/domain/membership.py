"""Memberships: who belongs to a workspace, as what, and who may change that."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from services.tenancy.domain.errors import LastOwner, MemberUnknown, PermissionMissing, RoleAboveOwn
from services.tenancy.domain.workspace import SessionPolicy
from wardenry.permissions import Permission, Role, allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person's name and verified address."""

    name: str = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipKey:
    """A subject in a workspace."""

    workspace: UUID
    subject: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A subject's place in a workspace. It stays when it ends, so that its epoch never goes back."""

    workspace: UUID
    subject: UUID
    role: Role
    #: Raised by every change; tokens of a lower one are void.
    epoch: int
    joined_at: datetime
    ended_at: datetime | None = None
    #: Audit's public key for the subject in the workspace: what events seal this person's values to.
    audit_key: ReaderPublicKey
    #: Name and address, sealed; None once ended.
    contact: bytes | None = field(default=None, repr=False)
    #: Blind index of the address; None once ended, and until the next invitation where it was not stored at first.
    address_tag: bytes | None = field(default=None, repr=False)

    @property
    def present(self) -> bool:
        return self.ended_at is None

    def with_role(self, role: Role) -> "Membership":
        return replace(self, role=role, epoch=self.epoch + 1)

    def ended(self, at: datetime) -> "Membership":
        return replace(self, ended_at=at, contact=None, address_tag=None, epoch=self.epoch + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipView:
    """A present membership as session needs it."""

    membership: Membership
    policy: SessionPolicy


@dataclass(frozen=True, slots=True)
class ChangedMembership:
    """A row of the feed of changes."""

    workspace: UUID
    subject: UUID
    epoch: int
    #: Empty when the membership has ended.
    role: str
    #: The transaction that changed it.
    transaction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a member does to a membership."""

    actor: Membership
    before: Membership
    after: Membership


class Roster:
    """Memberships of one workspace, locked until the transaction ends: those asked for, and every owner's.

    The rules are decided on it, so nothing that they rest on can change before the decision is written.
    """

    def __init__(self, memberships: Iterable[Membership]) -> None:
        self._members = {membership.subject: membership for membership in memberships}

    def former(self, subject: UUID) -> Membership | None:
        """The subject's membership, present or ended; None when there never was one."""
        return self._members.get(subject)

    def present(self, subject: UUID) -> Membership | None:
        """The subject's membership; None when there is none now."""
        found = self._members.get(subject)
        return found if found is not None and found.present else None

    @property
    def has_owner(self) -> bool:
        """Whether the workspace has an owner, as every one does that had one."""
        return any(membership.present and membership.role is Role.OWNER for membership in self._members.values())

    def authorised(self, actor: UUID, permission: Permission) -> Membership:
        """The actor's membership. Raises PermissionMissing unless its role holds the permission now."""
        found = self.present(actor)
        if found is None or not allows(found.role, permission):
            raise PermissionMissing(permission)
        return found

    def change_role(self, *, actor: UUID, subject: UUID, to: Role) -> Change:
        """Gives the subject the role; nothing changes when it has that role already.

        Raises PermissionMissing, MemberUnknown, RoleAboveOwn, LastOwner.
        """
        acting = self.authorised(actor, Permission.MEMBER_UPDATE)
        target = self._touched(acting, subject)
        if to.is_above(acting.role):
            raise RoleAboveOwn
        if to is target.role:
            return Change(actor=acting, before=target, after=target)
        self._keep_an_owner(target)
        return Change(actor=acting, before=target, after=target.with_role(to))

    def end(self, *, actor: UUID, subject: UUID, at: datetime) -> Change:
        """Ends the subject's membership. Everybody may end the own one.

        Raises PermissionMissing, MemberUnknown, RoleAboveOwn, LastOwner.
        """
        acting = self.present(actor) if actor == subject else self.authorised(actor, Permission.MEMBER_UPDATE)
        if acting is None:
            raise MemberUnknown
        target = self._touched(acting, subject)
        self._keep_an_owner(target)
        return Change(actor=acting, before=target, after=target.ended(at))

    def abandon(self, *, subject: UUID, at: datetime) -> Change:
        """Ends the membership of who is alone in the workspace, which is then nobody's. Raises MemberUnknown."""
        member = self.present(subject)
        if member is None:
            raise MemberUnknown
        return Change(actor=member, before=member, after=member.ended(at))

    def _touched(self, acting: Membership, subject: UUID) -> Membership:
        target = self.present(subject)
        if target is None:
            raise MemberUnknown
        if target.role.is_above(acting.role):
            raise RoleAboveOwn
        return target

    def _keep_an_owner(self, leaving: Membership) -> None:
        owners = {m.subject for m in self._members.values() if m.present and m.role is Role.OWNER}
        if owners == {leaving.subject}:
            raise LastOwner
