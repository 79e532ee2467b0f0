"""Tenancy's part in people's rights over their data."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID

from libs.ids import PLATFORM, Ids
from libs.mail.address import AddressInvalid, normalised
from services.tenancy.domain import events
from services.tenancy.domain.errors import LastOwner, MemberUnknown, SubjectUnknown
from services.tenancy.domain.invitation import Adoption
from services.tenancy.domain.membership import Membership
from services.tenancy.domain.ports import AddressIndex, Contacts, Store, UnitOfWork, Vault
from wardenry.clock import Clock
from wardenry.subject_data import Category, Erased, Kept, Obstacle, Row

_MEMBERSHIPS = Category(
    name="memberships",
    description="The workspaces that the person belongs or belonged to, as what, and the name and address shown there.",
    purpose="Working together: deciding who may do what, and showing colleagues who is who.",
    retention="Name and address until the membership ends; that there was one until the workspace is closed.",
    fields=("workspace_id", "workspace_name", "role", "joined_at", "ended_at", "name", "address"),
)


class SubjectData:
    """What tenancy holds: shown, corrected, erased."""

    def __init__(
        self, *, store: Store, vault: Vault, contacts: Contacts, index: AddressIndex, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._vault = vault
        self._contacts = contacts
        self._index = index
        self._clock = clock
        self._ids = ids

    def categories(self) -> Sequence[Category]:
        return (_MEMBERSHIPS,)

    async def obstacles(self, subject: UUID) -> Sequence[Obstacle]:
        """Workspaces that have no other owner, but other members. Where the person is alone, nobody is left behind."""
        workspaces = await self._store.past_workspaces_of(subject)
        found = []
        for workspace in workspaces:
            async with self._store.begin(workspaces=[workspace], subject=subject, standing="administrator") as work:
                try:
                    await self._ended(work, workspace, subject)
                except LastOwner:
                    shown = await work.workspaces.find(workspace)
                    found.append(Obstacle(workspace=workspace, name=shown.name if shown else ""))
                except MemberUnknown:
                    continue
        return found

    async def _ended(self, work: UnitOfWork, workspace: UUID, subject: UUID) -> Membership:
        """The membership as it is to be. Raises MemberUnknown, LastOwner."""
        now = self._clock.now()
        roster = await work.memberships.roster(workspace, [subject])
        try:
            return roster.end(actor=subject, subject=subject, at=now).after
        except LastOwner:
            # The platform's own never is without: nobody could found it again.
            if workspace == PLATFORM or not await work.memberships.is_alone(workspace, subject):
                raise
            return roster.abandon(subject=subject, at=now).after

    async def rows(self, subject: UUID) -> AsyncIterator[Row]:
        """Raises KeysUnavailable."""
        workspaces = await self._store.past_workspaces_of(subject)
        if not workspaces:
            return
        async with self._store.begin(workspaces=workspaces, subject=subject, standing="member") as work:
            memberships = await work.subject_data.memberships(subject)
            names = {each.id: each.name for each in await work.workspaces.find_all()}
        for membership, contact in zip(memberships, await self._vault.contacts(memberships), strict=True):
            yield Row(
                _MEMBERSHIPS.name,
                {
                    "workspace_id": str(membership.workspace),
                    "workspace_name": names.get(membership.workspace, ""),
                    "role": membership.role.value,
                    "joined_at": membership.joined_at.isoformat(),
                    "ended_at": membership.ended_at.isoformat() if membership.ended_at else None,
                    "name": contact.name if contact else None,
                    "address": contact.address if contact else None,
                },
            )

    async def rectify(self, subject: UUID, *, field: str, value: str) -> int:
        """Corrects the name in every workspace. Raises KeysUnavailable, KeyGone."""
        workspaces = await self._store.past_workspaces_of(subject)
        if not workspaces or field != "name":
            return 0
        async with self._store.begin(workspaces=workspaces, subject=subject, standing="member") as work:
            memberships = [each for each in await work.subject_data.memberships(subject) if each.present]
        corrected = 0
        for membership, contact in zip(memberships, await self._vault.contacts(memberships), strict=True):
            if contact is None or contact.name == value:
                continue
            key = await self._vault.new_member(
                workspace=membership.workspace, subject=subject, contact=replace(contact, name=value)
            )
            async with self._store.begin(
                workspaces=[membership.workspace], subject=subject, standing="administrator"
            ) as work:
                corrected += await work.subject_data.replace_contact(membership, key.sealed)
        return corrected

    async def erase(self, subject: UUID) -> Erased:
        """Ends every membership and removes the invitations that led to them.

        Raises LastOwner, and then nothing has happened in the workspaces that would be left without an owner, nor in
        any other; KeysUnavailable, ContactsUnavailable.
        """
        if await self.obstacles(subject):
            raise LastOwner
        async with self._store.begin(workspaces=(), subject=subject) as work:
            await work.subject_data.bar(subject, at=self._clock.now())
        try:
            return await self._erase_barred(subject)
        except LastOwner:
            # They have to find another owner first, and may have to come in somewhere for it.
            async with self._store.begin(workspaces=(), subject=subject) as work:
                await work.subject_data.unbar(subject)
            raise

    async def _erase_barred(self, subject: UUID) -> Erased:
        # Again, for what they have joined before they were barred.
        if await self.obstacles(subject):
            raise LastOwner
        address = await self._address(subject)
        removed = 0
        last: UnitOfWork | None = None
        for workspace in await self._store.past_workspaces_of(subject):
            await self._adopt(workspace, subject, address)
            async with self._store.begin(workspaces=[workspace], subject=subject, standing="administrator") as work:
                last = work
                removed += await work.subject_data.remove_accepted(workspace, subject)
                try:
                    ended = await self._ended(work, workspace, subject)
                except MemberUnknown:
                    continue
                await work.memberships.change(ended)
                event = events.member_erased(ended, event_id=self._ids.uuid7(), occurred_at=self._clock.now())
                await work.emit(event)
                removed += 1
        if last is not None:
            # It covers those before it.
            await last.memberships.settled()
        return Erased(
            rows=removed,
            kept=(
                Kept(
                    category="memberships",
                    obligation="That there was a membership, under the identifier alone, so that its epoch goes on.",
                ),
            ),
        )

    async def _address(self, subject: UUID) -> str | None:
        """As identity has it; None once identity has erased it, and then this was done before."""
        try:
            return normalised((await self._contacts.contact(subject)).address)
        except (SubjectUnknown, AddressInvalid):
            return None

    async def _adopt(self, workspace: UUID, subject: UUID, address: str | None) -> None:
        # The keys of the invitations must be a part of the person's before the person's is destroyed: the row that says
        # which was accepted is about to go, and what the log holds of the others is the person's address as well.
        async with self._store.begin(workspaces=[workspace], subject=subject, standing="administrator") as work:
            found = {*await work.subject_data.accepted(workspace, subject)}
            if address is not None:
                found |= {*await work.subject_data.addressed(workspace, self._index.tag(workspace, address))}
        for invitation in sorted(found):
            await self._vault.adopt(Adoption(workspace=workspace, invitation=invitation, subject=subject))
