"""Inviting people, and coming in."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from libs.crypto.secret_hash import hash_of
from libs.mail.address import AddressInvalid, normalised
from services.tenancy.commands.acting import acting
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.domain import events
from services.tenancy.domain.caller import Caller, Insider
from services.tenancy.domain.errors import (
    InvitationExists,
    InvitationInvalid,
    InvitationUnknown,
    MemberAlready,
    SubjectUnknown,
)
from services.tenancy.domain.invitation import LIFE, Invitation, check_invitable
from services.tenancy.domain.membership import Membership, Roster
from services.tenancy.domain.page import Page, page_of
from services.tenancy.domain.ports import AddressIndex, Contacts, Store, UnitOfWork, Vault
from services.tenancy.domain.workspace import Workspace, checked_id
from wardenry.clock import Clock
from wardenry.permissions import Permission, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvitation:
    """An invitation with its address in clear; empty once its key was destroyed."""

    invitation: Invitation
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Where an acceptance led."""

    workspace: Workspace
    role: Role


class InvitationCommands:
    """What members do with invitations, and how the invited accept them."""

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        contacts: Contacts,
        index: AddressIndex,
        recorder: Recorder,
        clock: Clock,
        mail_waits: Callable[[], None],
        adoption_waits: Callable[[], None],
    ) -> None:
        """`mail_waits` and `adoption_waits` wake the jobs, which would find the work by themselves, only later."""
        self._store = store
        self._vault = vault
        self._contacts = contacts
        self._index = index
        self._recorder = recorder
        self._clock = clock
        self._mail_waits = mail_waits
        self._adoption_waits = adoption_waits

    async def create(self, insider: Insider, *, invitation_id: UUID, address: str, role: Role) -> OpenInvitation:
        """A new invitation, mailed soon after; the same one, and no mail, when it is asked for again.

        Raises IdInvalid, AddressInvalid, PermissionMissing, RoleAboveOwn, InvitationExists, KeysUnavailable, KeyGone.
        """
        caller, workspace = insider.caller, insider.workspace
        checked_id(invitation_id)
        address = normalised(address)
        key = await self._vault.new_invitation(workspace=workspace, invitation=invitation_id, address=address)
        at = await self._recorder.circumstances(caller, workspace)
        invitation = Invitation(
            workspace=workspace,
            id=invitation_id,
            role=role,
            inviter=caller.subject,
            address=key.sealed,
            address_tag=self._index.tag(workspace, address),
            key=key.audit.reference,
            created_at=at.occurred_at,
            expires_at=at.occurred_at + LIFE,
        )
        async with acting(self._store, insider, Permission.INVITATION_CREATE) as work:
            roster = await work.memberships.roster(workspace, [caller.subject])
            actor = roster.authorised(caller.subject, Permission.INVITATION_CREATE)
            check_invitable(actor, role)
            if not await work.invitations.add(invitation, mail_due_at=at.occurred_at):
                return OpenInvitation(invitation=await self._repeated(work, invitation), address=address)
            await work.emit(events.user_invited(at, invitation, actor, address=address, invitee_key=key.audit))
        self._mail_waits()
        return OpenInvitation(invitation=invitation, address=address)

    async def page(self, insider: Insider, *, before: tuple[datetime, UUID] | None, limit: int) -> Page[OpenInvitation]:
        """The open ones of the caller's workspace, newest first, by (created_at, id) below `before`.

        Raises KeysUnavailable.
        """
        async with acting(self._store, insider, Permission.INVITATION_READ) as work:
            rows = await work.invitations.page(insider.workspace, now=self._clock.now(), before=before, limit=limit + 1)
        found = page_of(rows, limit)
        addresses = await self._vault.addresses(found.items)
        shown = [
            OpenInvitation(invitation=invitation, address=address or "")
            for invitation, address in zip(found.items, addresses, strict=True)
        ]
        return Page(shown, found.more)

    async def revoke(self, insider: Insider, *, invitation_id: UUID) -> None:
        """Raises PermissionMissing, RoleAboveOwn, InvitationUnknown."""
        caller, workspace = insider.caller, insider.workspace
        at = await self._recorder.circumstances(caller, workspace)
        async with acting(self._store, insider, Permission.INVITATION_CREATE) as work:
            invitation = await work.invitations.lock(workspace, invitation_id)
            roster = await work.memberships.roster(workspace, [caller.subject])
            actor = roster.authorised(caller.subject, Permission.INVITATION_CREATE)
            if invitation is None or not invitation.open_at(at.occurred_at):
                raise InvitationUnknown
            check_invitable(actor, invitation.role)
            if not await work.invitations.revoke(invitation, at=at.occurred_at):
                raise InvitationUnknown
            await work.emit(events.invitation_revoked(at, invitation, actor))

    async def accept(self, caller: Caller, *, invitation_id: UUID, secret: bytes) -> Joined:
        """Makes the caller a member. Secret, address and workspace are bound; it works once.

        Raises InvitationInvalid, MemberAlready, ContactsUnavailable, KeysUnavailable, KeyGone.
        """
        secret_hash = hash_of(secret)
        workspace = await self._store.workspace_of_invitation(invitation_id, secret_hash)
        if workspace is None:
            raise InvitationInvalid
        try:
            contact = await self._contacts.contact(caller.subject)
            address_tag = self._index.tag(workspace, normalised(contact.address))
        except (SubjectUnknown, AddressInvalid):
            raise InvitationInvalid from None
        presented = _Presented(workspace=workspace, id=invitation_id, secret_hash=secret_hash, address_tag=address_tag)
        # Before anything is made elsewhere: who may not accept must leave no key behind in the workspace.
        async with self._delegated(presented, caller) as work:
            await self._acceptable(work, presented, caller)
        key = await self._vault.new_member(workspace=workspace, subject=caller.subject, contact=contact)
        at = await self._recorder.circumstances(caller, workspace)
        async with self._delegated(presented, caller) as work:
            try:
                await work.subject_data.check_may_join(caller.subject)
            except SubjectUnknown:
                raise InvitationInvalid from None
            invitation, roster = await self._acceptable(work, presented, caller)
            joined = Membership(
                workspace=workspace,
                subject=caller.subject,
                role=invitation.role,
                epoch=1,
                joined_at=at.occurred_at,
                audit_key=key.audit,
                contact=key.sealed,
            )
            former = roster.former(caller.subject)
            if former is None:
                await work.memberships.add(joined)
            else:
                joined = replace(joined, epoch=former.epoch + 1)
                await work.memberships.change(joined)
            if not await work.invitations.accept(invitation, subject=caller.subject, at=at.occurred_at):
                raise InvitationInvalid
            await work.emit(events.invitation_accepted(at, invitation, joined))
            entered = await work.workspaces.find(workspace)
        if entered is None:
            raise InvitationInvalid
        self._adoption_waits()
        return Joined(workspace=entered, role=joined.role)

    async def _acceptable(self, work: UnitOfWork, presented: "_Presented", caller: Caller) -> tuple[Invitation, Roster]:
        invitation = await work.invitations.lock(presented.workspace, presented.id)
        if invitation is None:
            raise InvitationInvalid
        asked = [each for each in (invitation.inviter, caller.subject) if each is not None]
        roster = await work.memberships.roster(presented.workspace, asked)
        invitation.check_acceptance(
            secret_hash=presented.secret_hash,
            address_tag=presented.address_tag,
            roster=roster,
            now=self._clock.now(),
        )
        if roster.present(caller.subject) is not None:
            raise MemberAlready
        return invitation, roster

    async def _repeated(self, work: UnitOfWork, wanted: Invitation) -> Invitation:
        found = await work.invitations.find(wanted.workspace, wanted.id)
        same = found is not None and (found.inviter, found.role, found.address_tag) == (
            wanted.inviter,
            wanted.role,
            wanted.address_tag,
        )
        if found is None or not same:
            raise InvitationExists
        return found

    def _delegated(self, presented: "_Presented", caller: Caller) -> AbstractAsyncContextManager[UnitOfWork]:
        # Whoever holds an invitation's secret acts, in these transactions, by its inviter's leave: administrators'.
        return self._store.begin(workspaces=[presented.workspace], subject=caller.subject, standing="administrator")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Presented:
    """What somebody who wants to come in has shown."""

    workspace: UUID
    id: UUID
    secret_hash: bytes
    address_tag: bytes
