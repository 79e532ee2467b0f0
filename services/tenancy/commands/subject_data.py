"""Tenancy's part in people's rights over their data."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID

from libs.ids import Ids
from services.tenancy.domain import events
from services.tenancy.domain.errors import LastOwner, MemberUnknown
from services.tenancy.domain.invitation import Adoption
from services.tenancy.domain.ports import Store, Vault
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

    def __init__(self, *, store: Store, vault: Vault, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._ids = ids

    def categories(self) -> Sequence[Category]:
        return (_MEMBERSHIPS,)

    async def obstacles(self, subject: UUID) -> Sequence[Obstacle]:
        """Workspaces that have no other owner."""
        workspaces = await self._store.past_workspaces_of(subject)
        found = []
        for workspace in workspaces:
            async with self._store.begin(workspaces=[workspace], subject=subject, standing="administrator") as work:
                roster = await work.memberships.roster(workspace, [subject])
                shown = await work.workspaces.find(workspace)
            try:
                roster.end(actor=subject, subject=subject, at=self._clock.now())
            except LastOwner:
                found.append(Obstacle(workspace=workspace, name=shown.name if shown else ""))
            except MemberUnknown:
                continue
        return found

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
        any other; KeysUnavailable.
        """
        if await self.obstacles(subject):
            raise LastOwner
        removed = 0
        for workspace in await self._store.past_workspaces_of(subject):
            await self._adopt(workspace, subject)
            async with self._store.begin(workspaces=[workspace], subject=subject, standing="administrator") as work:
                roster = await work.memberships.roster(workspace, [subject])
                removed += await work.subject_data.remove_accepted(workspace, subject)
                if roster.present(subject) is None:
                    continue
                now = self._clock.now()
                change = roster.end(actor=subject, subject=subject, at=now)
                await work.memberships.change(change.after)
                await work.emit(events.member_erased(change.after, event_id=self._ids.uuid7(), occurred_at=now))
                removed += 1
        return Erased(
            rows=removed,
            kept=(
                Kept(
                    category="memberships",
                    obligation="That there was a membership, under the identifier alone, so that its epoch goes on.",
                ),
            ),
        )

    async def _adopt(self, workspace: UUID, subject: UUID) -> None:
        # The key of the invitation must be a part of the person's before the person's is destroyed, and the row that
        # says so is about to go.
        async with self._store.begin(workspaces=[workspace], subject=subject, standing="administrator") as work:
            accepted = await work.subject_data.accepted(subject)
        for _, invitation in accepted:
            await self._vault.adopt(Adoption(workspace=workspace, invitation=invitation, subject=subject))
