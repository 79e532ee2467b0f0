"""Inviting people, and coming in."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from libs.crypto.secret_hash import hash_of
from libs.events.caller import Caller
from libs.mail.address import AddressInvalid, normalised
from services.tenancy.commands.acting import acting
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.domain import events
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.errors import (
    AddressInvited,
    InvitationExists,
    InvitationInvalid,
    InvitationUnknown,
    MemberAlready,
    SubjectUnknown,
)
from services.tenancy.domain.events import Circumstances
from services.tenancy.domain.invitation import LIFE, Invitation, check_invitable
from services.tenancy.domain.membership import Membership, Roster
from services.tenancy.domain.page import Page, page_of
from services.tenancy.domain.ports import AddressIndex, Contacts, NewKey, Store, UnitOfWork, Vault
from services.tenancy.domain.workspace import Workspace, checked_id
from wardenry.clock import Clock
from wardenry.permissions import Permission, Role

#: Members whose addresses are opened in one go.
_TAGGED_AT_ONCE = 100


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
        """A new invitation, mailed soon after; the same one, and no mail, when it is asked for again while it is open.

        Raises IdInvalid, AddressInvalid, PermissionMissing, RoleAboveOwn, InvitationExists, AddressInvited,
        AddressOfMember, KeysUnavailable, KeyGone.
        """
        checked_id(invitation_id)
        wanted = self._wanted(insider, invitation_id=invitation_id, address=normalised(address), role=role)
        await self._tag_members(insider)
        # Before anything is made elsewhere: what is refused must leave no key behind.
        async with acting(self._store, insider, Permission.INVITATION_CREATE) as work:
            await self._inviter(work, insider, role)
            if made := await self._made_before(work, insider, invitation_id, role, wanted.address_tag):
                return OpenInvitation(invitation=made, address=wanted.address)
            await work.invitations.check_unknown(
                insider.workspace, wanted.address_tag, member_tag=wanted.member_tag, now=self._clock.now()
            )
        keyed, at = await self._keyed(wanted), await self._recorder.circumstances(insider.caller, insider.workspace)
        async with acting(self._store, insider, Permission.INVITATION_CREATE) as work:
            await work.invitations.release(insider.workspace, wanted.address_tag, now=at.occurred_at)
            actor = await self._inviter(work, insider, role)
            if made := await self._made_before(work, insider, invitation_id, role, wanted.address_tag):
                return OpenInvitation(invitation=made, address=wanted.address)
            created = await self._added(work, wanted, keyed, at=at, actor=actor)
        self._mail_waits()
        return created

    async def renew(self, insider: Insider, *, invitation_id: UUID, renewed_id: UUID) -> OpenInvitation:
        """Another invitation, `renewed_id`, in the place of an open one: to its address, with its role, by the caller.
        The earlier one is revoked. The same one, and no mail, when it is asked for again while it is open.

        Raises IdInvalid, PermissionMissing, RoleAboveOwn, InvitationUnknown, InvitationExists, KeysUnavailable,
        KeyGone; AddressInvited when yet another one to the address is open, AddressOfMember when a member has it.
        """
        checked_id(renewed_id)
        if renewed_id == invitation_id:
            raise InvitationExists
        # Before anything is made elsewhere: what is refused must leave no key behind.
        async with acting(self._store, insider, Permission.INVITATION_CREATE) as work:
            earlier = await work.invitations.find(insider.workspace, invitation_id)
            roster = await work.memberships.roster(insider.workspace, [insider.caller.subject])
            actor = roster.authorised(insider.caller.subject, Permission.INVITATION_CREATE)
            if earlier is None:
                raise InvitationUnknown
            check_invitable(actor, earlier.role)
            made = await self._made_before(work, insider, renewed_id, earlier.role, earlier.address_tag)
            if made is None and not earlier.open_at(self._clock.now()):
                raise InvitationUnknown
        (address,) = await self._vault.addresses([earlier])
        if address is None:
            raise InvitationUnknown
        if made is not None:
            return OpenInvitation(invitation=made, address=address)
        wanted = self._wanted(insider, invitation_id=renewed_id, address=address, role=earlier.role)
        keyed = await self._keyed(wanted)
        ended = await self._recorder.circumstances(insider.caller, insider.workspace)
        at = await self._recorder.circumstances(insider.caller, insider.workspace)
        async with acting(self._store, insider, Permission.INVITATION_CREATE) as work:
            await work.invitations.release(insider.workspace, wanted.address_tag, now=at.occurred_at)
            await work.invitations.lock(insider.workspace, invitation_id)
            actor = await self._inviter(work, insider, earlier.role)
            if made := await self._made_before(work, insider, renewed_id, earlier.role, wanted.address_tag):
                return OpenInvitation(invitation=made, address=address)
            if not await work.invitations.revoke(earlier, at=ended.occurred_at):
                raise InvitationUnknown
            await work.emit(events.invitation_revoked(ended, earlier, actor))
            created = await self._added(work, wanted, keyed, at=at, actor=actor)
        self._mail_waits()
        return created

    def _wanted(self, insider: Insider, *, invitation_id: UUID, address: str, role: Role) -> "_Wanted":
        return _Wanted(
            workspace=insider.workspace,
            id=invitation_id,
            address=address,
            address_tag=self._index.tag(insider.workspace, address),
            member_tag=self._index.member_tag(insider.workspace, address),
            role=role,
            inviter=insider.caller.subject,
        )

    async def _inviter(self, work: UnitOfWork, insider: Insider, role: Role) -> Membership:
        roster = await work.memberships.roster(insider.workspace, [insider.caller.subject])
        actor = roster.authorised(insider.caller.subject, Permission.INVITATION_CREATE)
        check_invitable(actor, role)
        return actor

    async def _keyed(self, wanted: "_Wanted") -> NewKey:
        return await self._vault.new_invitation(
            workspace=wanted.workspace, invitation=wanted.id, address=wanted.address
        )

    async def _added(
        self, work: UnitOfWork, wanted: "_Wanted", key: NewKey, *, at: Circumstances, actor: Membership
    ) -> OpenInvitation:
        invitation = Invitation(
            workspace=wanted.workspace,
            id=wanted.id,
            role=wanted.role,
            inviter=wanted.inviter,
            address=key.sealed,
            address_tag=wanted.address_tag,
            key=key.audit.reference,
            created_at=at.occurred_at,
            expires_at=at.occurred_at + LIFE,
        )
        if not await work.invitations.add(invitation, member_tag=wanted.member_tag, mail_due_at=at.occurred_at):
            # Another one came in between. Where even that has ended by now, the address was invited all the same.
            await work.invitations.check_unknown(
                wanted.workspace, wanted.address_tag, member_tag=wanted.member_tag, now=at.occurred_at
            )
            raise AddressInvited
        await work.emit(events.user_invited(at, invitation, actor, address=wanted.address, invitee_key=key.audit))
        return OpenInvitation(invitation=invitation, address=wanted.address)

    async def _tag_members(self, insider: Insider) -> None:
        """Makes members findable by their addresses whose memberships began without: a founder's, and those of before
        there was such an index. Whoever accepts an invitation is from the start."""
        after: UUID | None = None
        while True:
            async with acting(self._store, insider, Permission.INVITATION_CREATE) as work:
                found = await work.memberships.untagged(insider.workspace, after=after, limit=_TAGGED_AT_ONCE)
            if not found:
                return
            after = found[-1].subject
            tags = [
                (member, self._index.member_tag(insider.workspace, address))
                for member, contact in zip(found, await self._vault.contacts(found), strict=True)
                if contact is not None and (address := _normalised(contact.address)) is not None
            ]
            async with acting(self._store, insider, Permission.INVITATION_CREATE) as work:
                await work.memberships.tag(insider.workspace, tags)

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
            address = normalised(contact.address)
        except (SubjectUnknown, AddressInvalid):
            raise InvitationInvalid from None
        address_tag = self._index.tag(workspace, address)
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
                address_tag=self._index.member_tag(workspace, address),
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

    async def _made_before(
        self, work: UnitOfWork, insider: Insider, invitation_id: UUID, role: Role, address_tag: bytes
    ) -> Invitation | None:
        """What an earlier call with this identifier made. Raises InvitationExists when that is another invitation, or
        is no longer open: nobody is to hear that it was sent."""
        found = await work.invitations.find(insider.workspace, invitation_id)
        if found is None:
            return None
        asked = (insider.caller.subject, role, address_tag)
        if (found.inviter, found.role, found.address_tag) != asked or not found.open_at(self._clock.now()):
            raise InvitationExists
        return found

    def _delegated(self, presented: "_Presented", caller: Caller) -> AbstractAsyncContextManager[UnitOfWork]:
        # Whoever holds an invitation's secret acts, in these transactions, by its inviter's leave: administrators'.
        return self._store.begin(workspaces=[presented.workspace], subject=caller.subject, standing="administrator")


def _normalised(address: str) -> str | None:
    """None for what is no address, which nobody can be invited by."""
    try:
        return normalised(address)
    except AddressInvalid:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """An invitation that somebody wants to make."""

    workspace: UUID
    id: UUID
    address: str = field(repr=False)
    address_tag: bytes = field(repr=False)
    member_tag: bytes = field(repr=False)
    role: Role
    inviter: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class _Presented:
    """What somebody who wants to come in has shown."""

    workspace: UUID
    id: UUID
    secret_hash: bytes
    address_tag: bytes
