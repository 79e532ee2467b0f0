"""Creating, reading and renaming workspaces."""

from dataclasses import dataclass, replace
from uuid import UUID

from libs.events.caller import Caller
from services.tenancy.commands.acting import acting
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.domain import events
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.errors import SlugTaken, WorkspaceExists, WorkspaceUnknown
from services.tenancy.domain.membership import Membership, MembershipKey
from services.tenancy.domain.page import Page, page_of
from services.tenancy.domain.ports import Contacts, Store, Vault
from services.tenancy.domain.workspace import Workspace, checked_id, checked_name, checked_slug
from wardenry.permissions import Permission, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWorkspace:
    """A workspace, and what the asking subject is in it."""

    workspace: Workspace
    role: Role


class WorkspaceCommands:
    """What people do with workspaces."""

    def __init__(self, *, store: Store, vault: Vault, contacts: Contacts, recorder: Recorder, region: str) -> None:
        """`region` is the cell's own: where new workspaces live."""
        self._store = store
        self._vault = vault
        self._contacts = contacts
        self._recorder = recorder
        self._region = region

    async def create(self, caller: Caller, *, workspace_id: UUID, name: str, slug: str) -> OwnWorkspace:
        """A new workspace whose owner is the caller; the same one when it is asked for again.

        Raises IdInvalid, NameInvalid, WorkspaceExists, SlugTaken, SubjectUnknown, ContactsUnavailable,
        KeysUnavailable, KeyGone.
        """
        checked_id(workspace_id)
        name, slug = checked_name(name), checked_slug(slug)
        # Before anything is made elsewhere: an id of somebody else's workspace must leave no key behind in it.
        created = await self._created_before(caller, workspace_id, slug)
        if created is not None:
            return created
        if await self._store.workspace_of_slug(slug) is not None:
            raise SlugTaken
        contact = await self._contacts.contact(caller.subject)
        key = await self._vault.new_member(workspace=workspace_id, subject=caller.subject, contact=contact)
        at = await self._recorder.circumstances(caller, workspace_id)
        workspace = Workspace(
            id=workspace_id,
            name=name,
            slug=slug,
            region=self._region,
            created_at=at.occurred_at,
            created_by=caller.subject,
        )
        founder = Membership(
            workspace=workspace_id,
            subject=caller.subject,
            role=Role.OWNER,
            epoch=1,
            joined_at=at.occurred_at,
            audit_key=key.audit,
            contact=key.sealed,
        )
        try:
            # Whoever founds a workspace administers it from its first row on.
            async with self._store.begin(
                workspaces=[workspace_id], subject=caller.subject, standing="administrator"
            ) as work:
                await work.subject_data.check_may_join(caller.subject)
                if not await work.workspaces.add(workspace):
                    raise WorkspaceExists
                await work.memberships.add(founder)
                await work.emit(events.workspace_created(at, workspace, founder))
        except (WorkspaceExists, SlugTaken):
            # The same call, made twice at once: the other one won.
            created = await self._created_before(caller, workspace_id, slug)
            if created is None:
                raise
            return created
        return OwnWorkspace(workspace=workspace, role=founder.role)

    async def _created_before(self, caller: Caller, workspace_id: UUID, slug: str) -> OwnWorkspace | None:
        """What an earlier call of the same caller made. Raises WorkspaceExists when the id is taken otherwise."""
        async with self._store.begin(workspaces=[workspace_id], subject=caller.subject, standing="member") as work:
            workspace = await work.workspaces.find(workspace_id)
            if workspace is None:
                return None
            membership = await work.memberships.find(workspace_id, caller.subject)
        own = workspace.created_by == caller.subject and workspace.slug == slug
        if not own or membership is None or not membership.present:
            raise WorkspaceExists
        return OwnWorkspace(workspace=workspace, role=membership.role)

    async def get(self, insider: Insider) -> OwnWorkspace:
        """The caller's workspace. Raises WorkspaceUnknown."""
        async with acting(self._store, insider, Permission.WORKSPACE_READ) as work:
            workspace = await work.workspaces.find(insider.workspace)
        if workspace is None:
            raise WorkspaceUnknown
        return OwnWorkspace(workspace=workspace, role=insider.role)

    async def rename(self, insider: Insider, *, name: str) -> OwnWorkspace:
        """The caller's workspace under its new name. Raises NameInvalid, WorkspaceUnknown, PermissionMissing."""
        name = checked_name(name)
        at = await self._recorder.circumstances(insider.caller, insider.workspace)
        async with acting(self._store, insider, Permission.WORKSPACE_UPDATE) as work:
            roster = await work.memberships.roster(insider.workspace, [insider.caller.subject])
            actor = roster.authorised(insider.caller.subject, Permission.WORKSPACE_UPDATE)
            workspace = await work.workspaces.find(insider.workspace)
            if workspace is None:
                raise WorkspaceUnknown
            if workspace.name != name:
                workspace = replace(workspace, name=name)
                await work.workspaces.rename(insider.workspace, name)
                await work.emit(events.settings_changed(at, workspace, actor, "name"))
        return OwnWorkspace(workspace=workspace, role=actor.role)

    async def page(self, caller: Caller, *, after: UUID | None, limit: int) -> Page[OwnWorkspace]:
        """The workspaces that the caller is a member of, by id, later than `after`."""
        found = page_of(await self._store.workspaces_of(caller.subject, after=after, limit=limit + 1), limit)
        if not found.items:
            return Page((), False)
        async with self._store.begin(workspaces=found.items, subject=caller.subject, standing="member") as work:
            workspaces = {workspace.id: workspace for workspace in await work.workspaces.find_all()}
            keys = [MembershipKey(workspace=each, subject=caller.subject) for each in found.items]
            roles = {key.workspace: role for key, role in (await work.memberships.roles(keys)).items()}
        # A membership may end between the two reads.
        shown = [OwnWorkspace(workspace=workspaces[each], role=roles[each]) for each in found.items if each in roles]
        return Page(shown, found.more)

    async def resolve(self, slug: str) -> Workspace:
        """The workspace with this slug, for its sign-in page. Raises WorkspaceUnknown."""
        found = await self._store.workspace_of_slug(slug)
        if found is None:
            raise WorkspaceUnknown
        async with self._store.begin(workspaces=[found]) as work:
            workspace = await work.workspaces.find(found)
        if workspace is None:
            raise WorkspaceUnknown
        return workspace
