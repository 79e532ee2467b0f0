"""The page of a workspace's members, its open invitations and its name."""

import asyncio
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.edge.browser import Credentials
from services.gateway.edge.problem import Problem
from services.gateway.edge.rendering import rendered
from services.gateway.edge.visit import Edge, Visit
from services.gateway.pages.form import identifier_of, take
from services.gateway.pages.notice import Notice
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes, done
from services.gateway.pages.way_in import WayIn
from wardenry.errors.error import AlreadyExists, NotFound
from wardenry.permissions import Permission, Role, allows
from wardenry.tenancy.v1.invitation_pb2 import (
    CreateInvitationRequest,
    ListInvitationsRequest,
    ListInvitationsResponse,
    RenewInvitationRequest,
    RevokeInvitationRequest,
)
from wardenry.tenancy.v1.membership_pb2 import ChangeRoleRequest, ListMembersRequest, RemoveMemberRequest
from wardenry.tenancy.v1.workspace_pb2 import GetWorkspaceRequest, UpdateWorkspaceRequest


class MemberPages:
    """Members, invitations, the workspace's name."""

    def __init__(self, *, edge: Edge, pages: Pages, routes: PageRoutes, way_in: WayIn) -> None:
        self._edge = edge
        self._pages = pages
        self._routes = routes
        self._way_in = way_in

    def routes(self) -> list[Route]:
        show, submit = self._routes.show, self._routes.submit
        typed, again = self.members_again_as_typed, self.members_again
        invitation, member = "/w/{slug}/invitations/{invitation_id}", "/w/{slug}/members/{subject_id}"
        return [
            show("/w/{slug}", self._way_in.where_opened(self.members)),
            submit("/w/{slug}/name", self.rename, again=typed),
            submit("/w/{slug}/invitations", self.invite, again=typed, authentication=True),
            submit(invitation + "/renewal", self.invite_again, again=again, authentication=True),
            submit(invitation + "/revocation", self.revoke, again=again),
            submit(member + "/role", self.change_role, again=again),
            submit(member + "/removal", self.remove, again=again),
        ]

    async def members(self, visit: Visit) -> Response:
        return await self._page(visit, **visit.query("page", "invitations"))

    async def members_again_as_typed(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._page(visit, form=fields, problem=problem)

    async def members_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._page(visit, page=fields.get("page", ""), problem=problem)

    async def _page(self, visit: Visit, *, page: str = "", invitations: str = "", **values: Any) -> Response:
        credentials = await self._way_in.credentials(visit)
        backends, metadata, role = self._edge.backends, credentials.metadata, credentials.claims.role
        workspace, members, invited = await asyncio.gather(
            backends.workspace.GetWorkspace(GetWorkspaceRequest(), metadata=metadata),
            backends.membership.ListMembers(ListMembersRequest(page_token=page), metadata=metadata),
            self._invitations(credentials, invitations),
        )
        ids, form, problem = self._edge.ids, values.get("form"), values.get("problem")
        own = Role(role) if role in set(Role) else Role.MEMBER
        return self._pages.page(
            visit,
            "members.html",
            workspace=rendered(workspace)["workspace"],
            members=rendered(members)["members"],
            page=page,
            next_page=members.next_page_token,
            invitations=rendered(invited)["invitations"],
            invitations_page=invitations,
            next_invitations=invited.next_page_token,
            subject_id=str(credentials.claims.subject),
            # A role above one's own cannot be given, taken or changed: nothing offers it.
            roles=[each.value for each in Role if not each.is_above(own)],
            invitation_id=identifier_of(ids, "invitation_id", form=form, problem=problem),
            renewed_id=lambda: str(ids.uuid7()),
            # The last owner can neither leave nor have another role.
            alone=own is Role.OWNER and len(members.members) == 1 and not page and not members.next_page_token,
            may_read_log=allows(role, Permission.AUDIT_READ),
            may_update=allows(role, Permission.MEMBER_UPDATE),
            may_invite=allows(role, Permission.INVITATION_CREATE),
            may_rename=allows(role, Permission.WORKSPACE_UPDATE),
            named={each.subject_id: each.display_name for each in members.members}
            | {each.invitation_id: each.address for each in invited.invitations},
            **values,
        )

    async def _invitations(self, credentials: Credentials, page: str) -> ListInvitationsResponse:
        if not allows(credentials.claims.role, Permission.INVITATION_READ):
            return ListInvitationsResponse()
        request = ListInvitationsRequest(page_token=page)
        return await self._edge.backends.invitation.ListInvitations(request, metadata=credentials.metadata)

    async def rename(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "name")
        credentials = await self._way_in.credentials(visit)
        await self._edge.backends.workspace.UpdateWorkspace(
            UpdateWorkspaceRequest(name=form["name"]), metadata=credentials.metadata
        )
        return self._done(visit, Notice.RENAMED)

    async def invite(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "address", "role", "invitation_id")
        credentials = await self._way_in.credentials(visit)
        try:
            await self._edge.backends.invitation.CreateInvitation(
                CreateInvitationRequest(**form), metadata=credentials.metadata
            )
        except AlreadyExists as error:
            raise error if error.violations else _sent_before() from None
        return self._done(visit, Notice.INVITED, about=form["invitation_id"])

    async def invite_again(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take({"page": ""} | fields, "page", "renewed_id")
        credentials = await self._way_in.credentials(visit)
        request = RenewInvitationRequest(invitation_id=visit.identifier("invitation_id"), renewed_id=form["renewed_id"])
        try:
            await self._edge.backends.invitation.RenewInvitation(request, metadata=credentials.metadata)
        except NotFound:
            raise _not_open() from None
        except AlreadyExists as error:
            raise error if error.violations else _sent_before() from None
        return self._done(visit, Notice.INVITED_AGAIN, about=form["renewed_id"], page=form["page"])

    async def revoke(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take({"page": ""} | fields, "page")
        credentials = await self._way_in.credentials(visit)
        request = RevokeInvitationRequest(invitation_id=visit.identifier("invitation_id"))
        try:
            await self._edge.backends.invitation.RevokeInvitation(request, metadata=credentials.metadata)
        except NotFound:
            raise _not_open() from None
        return self._done(visit, Notice.REVOKED, page=form["page"])

    async def change_role(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take({"page": ""} | fields, "role", "page")
        credentials = await self._way_in.credentials(visit)
        subject_id = visit.identifier("subject_id")
        await self._edge.backends.membership.ChangeRole(
            ChangeRoleRequest(subject_id=subject_id, role=form["role"]), metadata=credentials.metadata
        )
        return self._done(visit, Notice.ROLE_CHANGED, about=subject_id, page=form["page"])

    async def remove(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take({"page": ""} | fields, "page")
        credentials = await self._way_in.credentials(visit)
        subject_id = visit.identifier("subject_id")
        await self._edge.backends.membership.RemoveMember(
            RemoveMemberRequest(subject_id=subject_id), metadata=credentials.metadata
        )
        if subject_id == str(credentials.claims.subject):
            visit.jar.clear_tokens(credentials.claims.workspace)
            return done(visit, "/workspaces", Notice.LEFT)
        return self._done(visit, Notice.REMOVED, page=form["page"])

    def _done(self, visit: Visit, notice: Notice, *, about: str = "", page: str = "") -> Response:
        """Back to the page of members that the form stood on."""
        path = f"/w/{visit.request.path_params['slug']}"
        return done(visit, f"{path}?page={quote(page, safe='')}" if page else path, notice, about)


def _not_open() -> Problem:
    return Problem(
        404, "NOT_FOUND", "This invitation is no longer open: it was accepted, declined or revoked, or it ended."
    )


def _sent_before() -> Problem:
    return Problem(
        409,
        "ALREADY_EXISTS",
        "This form was sent before, with something else in it, or its invitation is no longer open. Look below, then"
        " send it again.",
    )
