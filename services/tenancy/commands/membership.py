"""Reading, changing and ending memberships."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tenancy.commands.acting import acting
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.domain import events
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.errors import KeysUnavailable
from services.tenancy.domain.membership import Contact, Membership, MembershipKey, MembershipView
from services.tenancy.domain.page import Page, page_of
from services.tenancy.domain.ports import Store, Vault
from wardenry.permissions import Permission, Role, allows

_NOBODY = Contact(name="", address="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member, as the asking one may see it."""

    membership: Membership
    contact: Contact


class MembershipCommands:
    """What members do with one another, and what services ask about them."""

    def __init__(self, *, store: Store, vault: Vault, recorder: Recorder) -> None:
        self._store = store
        self._vault = vault
        self._recorder = recorder

    async def page(self, insider: Insider, *, after: UUID | None, limit: int) -> Page[Member]:
        """The members of the caller's workspace, by subject id, later than `after`. Raises KeysUnavailable."""
        async with acting(self._store, insider, Permission.MEMBER_READ) as work:
            found = page_of(await work.memberships.page(insider.workspace, after=after, limit=limit + 1), limit)
        return Page(await self._seen(insider, found.items), found.more)

    async def change_role(self, insider: Insider, *, subject: UUID, role: Role) -> Member:
        """The member with the new role. Raises PermissionMissing, MemberUnknown, RoleAboveOwn, LastOwner."""
        caller = insider.caller
        at = await self._recorder.circumstances(caller, insider.workspace)
        async with acting(self._store, insider, Permission.MEMBER_UPDATE) as work:
            roster = await work.memberships.roster(insider.workspace, {caller.subject, subject})
            change = roster.change_role(actor=caller.subject, subject=subject, to=role)
            if change.after != change.before:
                await work.memberships.change(change.after)
                await work.emit(events.role_changed(at, change))
        await work.memberships.settled()
        try:
            (member,) = await self._seen(insider, [change.after])
        except KeysUnavailable:
            # It is done; the name alone cannot be told now.
            return Member(membership=change.after, contact=_NOBODY)
        return member

    async def remove(self, insider: Insider, *, subject: UUID) -> None:
        """Ends a membership, the caller's own too. Raises PermissionMissing, MemberUnknown, RoleAboveOwn, LastOwner."""
        caller = insider.caller
        at = await self._recorder.circumstances(caller, insider.workspace)
        async with acting(self._store, insider, Permission.MEMBER_UPDATE) as work:
            roster = await work.memberships.roster(insider.workspace, {caller.subject, subject})
            change = roster.end(actor=caller.subject, subject=subject, at=at.occurred_at)
            await work.memberships.change(change.after)
            await work.emit(events.member_removed(at, change))
        await work.memberships.settled()

    async def views(self, keys: Sequence[MembershipKey]) -> tuple[list[MembershipView], datetime]:
        """The present memberships among these, and the database's time of the snapshot that they were read in."""
        async with self._store.begin(workspaces={key.workspace for key in keys}, standing="member") as work:
            return await work.memberships.views(keys)

    async def _seen(self, insider: Insider, memberships: Sequence[Membership]) -> list[Member]:
        """With names; with addresses for those who may read invitations, which show addresses too."""
        contacts = await self._vault.contacts(memberships)
        addresses = allows(insider.role, Permission.INVITATION_READ)
        return [
            Member(
                membership=membership,
                contact=Contact(name=contact.name, address=contact.address if addresses else "")
                if contact is not None
                else _NOBODY,
            )
            for membership, contact in zip(memberships, contacts, strict=True)
        ]
