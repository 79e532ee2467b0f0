"""Pages of workspaces: choose, create, members, log."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.api.audit import entry_filter, export_response
from services.gateway.edge.browser import Credentials
from services.gateway.edge.problem import Problem
from services.gateway.edge.rendering import moment, rendered
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge, Visit
from services.gateway.edge.workspaces import WorkspaceNames, is_short_name
from services.gateway.pages.form import take
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import NotOpened, PageRoutes, Show, see
from wardenry.audit.v1.entry_pb2 import Entry, EntryFilter, ListEntriesRequest
from wardenry.audit.v1.log_pb2 import GetCheckpointRequest
from wardenry.errors.error import NotFound, WardenryError
from wardenry.identity.v1.subject_pb2 import GetSubjectRequest
from wardenry.permissions import Permission, Role, allows
from wardenry.tenancy.v1.invitation_pb2 import (
    CreateInvitationRequest,
    ListInvitationsRequest,
    RevokeInvitationRequest,
)
from wardenry.tenancy.v1.membership_pb2 import ChangeRoleRequest, ListMembersRequest, RemoveMemberRequest
from wardenry.tenancy.v1.workspace_pb2 import (
    CreateWorkspaceRequest,
    GetWorkspaceRequest,
    ListWorkspacesRequest,
    UpdateWorkspaceRequest,
)

_ROLES = [role.value for role in Role]
#: Members whose names stand in the log instead of their ids.
_NAMED_MEMBERS = 100
_UUID_LENGTH = 36
_MOST_LISTED = 100


class WorkspacePages:
    """Choosing and creating a workspace, its members, its log."""

    def __init__(self, *, edge: Edge, pages: Pages, routes: PageRoutes, sign_in: SignIn, names: WorkspaceNames) -> None:
        self._edge = edge
        self._pages = pages
        self._routes = routes
        self._sign_in = sign_in
        self._names = names

    def routes(self) -> list[Route]:
        show, submit = self._routes.show, self._routes.submit
        return [
            show("/workspaces", self.choose),
            submit("/workspaces", self.create, again=self.choose_again),
            submit("/w/{slug}/open", self.open),
            submit("/w/{slug}/audit/open", self.open_audit),
            show("/w/{slug}", self._where_opened(self.members)),
            submit("/w/{slug}/name", self.rename, again=self.members_again),
            submit("/w/{slug}/invitations", self.invite, again=self.members_again, authentication=True),
            submit("/w/{slug}/invitations/{invitation_id}/revocation", self.revoke, again=self.members_again),
            submit("/w/{slug}/members/{subject_id}/role", self.change_role, again=self.members_again),
            submit("/w/{slug}/members/{subject_id}/removal", self.remove, again=self.members_again),
            show("/w/{slug}/audit", self._where_opened(self.audit)),
            submit("/w/{slug}/audit/export", self.export),
        ]

    async def choose(self, visit: Visit) -> Response:
        query = visit.query("page", "joined")
        done = "You have joined. Open the workspace below." if "joined" in query else ""
        return await self._choose_page(visit, page=query.get("page", ""), done=done)

    async def choose_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._choose_page(visit, form=fields, problem=problem)

    async def _choose_page(self, visit: Visit, *, page: str = "", **values: Any) -> Response:
        credentials = await visit.browser.session_credentials()
        backends = self._edge.backends
        subject = await backends.subject.GetSubject(GetSubjectRequest(), metadata=credentials.metadata)
        answer = await backends.workspace.ListWorkspaces(
            ListWorkspacesRequest(page_token=page), metadata=credentials.metadata
        )
        return self._pages.page(
            visit,
            "workspaces.html",
            here="workspaces",
            subject=rendered(subject),
            workspaces=rendered(answer)["workspaces"],
            next_page=answer.next_page_token,
            **values,
        )

    async def create(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "name", "slug")
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.workspace.CreateWorkspace(
            CreateWorkspaceRequest(workspace_id=str(self._edge.ids.uuid7()), **form), metadata=credentials.metadata
        )
        workspace = await self._names.resolve(visit.browser, answer.workspace.slug)
        await self._sign_in.open_workspace(visit.browser, workspace.workspace_id)
        return see(f"/w/{workspace.slug}")

    async def open(self, visit: Visit, fields: dict[str, str]) -> Response:
        return see(f"/w/{await self._open(visit, fields)}")

    async def open_audit(self, visit: Visit, fields: dict[str, str]) -> Response:
        return see(f"/w/{await self._open(visit, fields)}/audit")

    async def _open(self, visit: Visit, fields: dict[str, str]) -> str:
        take(fields)
        try:
            workspace = await self._names.resolve(visit.browser, visit.request.path_params["slug"])
            await self._sign_in.open_workspace(visit.browser, workspace.workspace_id)
        except NotFound:
            raise _nothing() from None
        return workspace.slug

    def _where_opened(self, handler: Show) -> Show:
        """The page where its workspace is open in this browser; where it is not, the way in: a form, never the visit
        itself. A workspace that is not the person's is answered like one that does not exist."""

        async def run(visit: Visit) -> Response:
            try:
                return await handler(visit)
            except NotOpened:
                pass
            slug = visit.request.path_params["slug"]
            try:
                credentials = await visit.browser.session_credentials()
            except Problem as problem:
                if problem.status != 401:
                    raise
                return see(f"/w/{slug}/sign-in")
            name = await self._own_name(credentials, slug)
            return self._pages.page(
                visit, "open.html", here="workspaces", name=name, action=f"{visit.request.url.path}/open"
            )

        return run

    async def _own_name(self, credentials: Credentials, slug: str) -> str:
        """The name of the person's workspace with this short name. Raises `Problem` 404 where they have none such."""
        request = ListWorkspacesRequest(page_size=_MOST_LISTED)
        while True:
            answer = await self._edge.backends.workspace.ListWorkspaces(request, metadata=credentials.metadata)
            for workspace in answer.workspaces:
                if workspace.slug == slug:
                    return workspace.name
            if not answer.next_page_token:
                raise _nothing()
            request.page_token = answer.next_page_token

    async def members(self, visit: Visit) -> Response:
        query = visit.query("page")
        return await self._members_page(visit, page=query.get("page", ""))

    async def members_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._members_page(visit, form=fields, problem=problem)

    async def _members_page(self, visit: Visit, *, page: str = "", **values: Any) -> Response:
        credentials = await self._credentials(visit)
        backends = self._edge.backends
        role = credentials.claims.role
        workspace = await backends.workspace.GetWorkspace(GetWorkspaceRequest(), metadata=credentials.metadata)
        members = await backends.membership.ListMembers(
            ListMembersRequest(page_token=page), metadata=credentials.metadata
        )
        invitations = []
        if allows(role, Permission.INVITATION_READ):
            found = await backends.invitation.ListInvitations(ListInvitationsRequest(), metadata=credentials.metadata)
            invitations = rendered(found)["invitations"]
        return self._pages.page(
            visit,
            "members.html",
            workspace=rendered(workspace)["workspace"],
            members=rendered(members)["members"],
            next_page=members.next_page_token,
            invitations=invitations,
            subject_id=str(credentials.claims.subject),
            roles=_ROLES,
            may_read_log=allows(role, Permission.AUDIT_READ),
            may_update=allows(role, Permission.MEMBER_UPDATE),
            may_invite=allows(role, Permission.INVITATION_CREATE),
            may_rename=allows(role, Permission.WORKSPACE_UPDATE),
            **values,
        )

    async def rename(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "name")
        credentials = await self._credentials(visit)
        await self._edge.backends.workspace.UpdateWorkspace(
            UpdateWorkspaceRequest(name=form["name"]), metadata=credentials.metadata
        )
        return self._back(visit)

    async def invite(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "address", "role")
        credentials = await self._credentials(visit)
        await self._edge.backends.invitation.CreateInvitation(
            CreateInvitationRequest(invitation_id=str(self._edge.ids.uuid7()), **form), metadata=credentials.metadata
        )
        return self._back(visit)

    async def revoke(self, visit: Visit, fields: dict[str, str]) -> Response:
        take(fields)
        credentials = await self._credentials(visit)
        await self._edge.backends.invitation.RevokeInvitation(
            RevokeInvitationRequest(invitation_id=visit.identifier("invitation_id")), metadata=credentials.metadata
        )
        return self._back(visit)

    async def change_role(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "role")
        credentials = await self._credentials(visit)
        await self._edge.backends.membership.ChangeRole(
            ChangeRoleRequest(subject_id=visit.identifier("subject_id"), role=form["role"]),
            metadata=credentials.metadata,
        )
        return self._back(visit)

    async def remove(self, visit: Visit, fields: dict[str, str]) -> Response:
        take(fields)
        credentials = await self._credentials(visit)
        subject_id = visit.identifier("subject_id")
        await self._edge.backends.membership.RemoveMember(
            RemoveMemberRequest(subject_id=subject_id), metadata=credentials.metadata
        )
        if subject_id == str(credentials.claims.subject):
            visit.jar.clear_tokens(credentials.claims.workspace)
            return see("/workspaces")
        return self._back(visit)

    async def audit(self, visit: Visit) -> Response:
        query = visit.query("page", "action", "outcome")
        credentials = await self._credentials(visit)
        backends = self._edge.backends
        workspace = await backends.workspace.GetWorkspace(GetWorkspaceRequest(), metadata=credentials.metadata)
        members = await backends.membership.ListMembers(
            ListMembersRequest(page_size=_NAMED_MEMBERS), metadata=credentials.metadata
        )
        names = {member.subject_id: member.display_name for member in members.members if member.display_name}
        answer = await backends.entry.ListEntries(
            ListEntriesRequest(filter=entry_filter(query), page_token=query.get("page", "")),
            metadata=credentials.metadata,
        )
        try:
            checkpoint = await backends.log.GetCheckpoint(GetCheckpointRequest(), metadata=credentials.metadata)
            note = checkpoint.checkpoint
        except WardenryError:
            note = ""  # not signed yet: the entries are worth showing without it
        return self._pages.page(
            visit,
            "audit.html",
            workspace=rendered(workspace)["workspace"],
            entries=[_row(entry, names) for entry in answer.entries],
            filter={"action": query.get("action", ""), "outcome": query.get("outcome", "")},
            may_export=allows(credentials.claims.role, Permission.AUDIT_EXPORT),
            checkpoint=note,
            next_page=answer.next_page_token,
        )

    async def export(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "format")
        credentials = await self._credentials(visit)
        return await export_response(self._edge, credentials, form["format"], EntryFilter())

    async def _credentials(self, visit: Visit) -> Credentials:
        """Raises NotOpened when this browser holds no good token, and alike where there is no such workspace."""
        slug = visit.request.path_params["slug"]
        if not is_short_name(slug):
            raise _nothing()
        try:
            workspace = await self._names.resolve(visit.browser, slug)
            return await visit.browser.credentials(workspace.workspace_id)
        except NotFound as error:
            raise NotOpened from error
        except Problem as problem:
            if problem.status != 401:
                raise
            raise NotOpened from problem

    def _back(self, visit: Visit) -> Response:
        return see(f"/w/{visit.request.path_params['slug']}")


def _nothing() -> Problem:
    return Problem(404, "NOT_FOUND", "There is nothing here.")


def _row(entry: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    values = {(value.person, value.field): "(erased)" if value.erased else value.value for value in entry.values}
    agent = values.get(("actor", "user_agent"), "")
    return {
        "index": entry.index,
        "occurred_at": moment(entry.occurred_at),
        "actor": names.get(entry.actor_id) or _short(entry.actor_id) or _nobody(entry),
        "actor_id": entry.actor_id,
        "action": entry.action,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "target": " ".join(filter(None, (entry.target_kind, names.get(entry.target_id) or _short(entry.target_id)))),
        "target_id": entry.target_id,
        "ip_address": values.get(("actor", "ip_address"), ""),
        "user_agent": agent,
        # What follows the last comment is the browser itself; before it, all browsers say what Mozilla once said.
        "browser": agent.rpartition(") ")[2],
    }


def _nobody(entry: Entry) -> str:
    """Who acted where it was no known person: a visitor, or a service by its name."""
    return entry.client if entry.actor_kind == "service" else entry.actor_kind


def _short(identifier: str) -> str:
    # The last part of a UUID is all random: it tells entries apart. A product's own id is shown as it is.
    return f"…{identifier[-8:]}" if len(identifier) == _UUID_LENGTH else identifier
