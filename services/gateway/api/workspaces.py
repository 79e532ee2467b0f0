"""Workspaces, their members and invitations."""

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.gateway.api.routing import api_route, created, done
from services.gateway.edge.body import read_object
from services.gateway.edge.cookies import decode_secret
from services.gateway.edge.problem import Problem
from services.gateway.edge.rendering import rendered
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge, Visit
from wardenry.session.v1.token_pb2 import ExchangeTokenRequest
from wardenry.tenancy.v1.invitation_pb2 import (
    AcceptInvitationRequest,
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

_ONE = "/api/v1/workspaces/{workspace_id}"


class Workspaces:
    """Routes about workspaces. Everything below one uses that workspace's own token."""

    def __init__(self, *, edge: Edge, sign_in: SignIn) -> None:
        self._edge = edge
        self._sign_in = sign_in

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, "GET", "/api/v1/workspaces", self.list),
            api_route(edge, "POST", "/api/v1/workspaces", self.create),
            api_route(edge, "POST", _ONE + "/grants", self.open),
            api_route(edge, "GET", _ONE, self.get),
            api_route(edge, "PATCH", _ONE, self.update),
            api_route(edge, "GET", _ONE + "/members", self.list_members),
            api_route(edge, "PUT", _ONE + "/members/{subject_id}/role", self.change_role),
            api_route(edge, "DELETE", _ONE + "/members/{subject_id}", self.remove_member),
            api_route(edge, "GET", _ONE + "/invitations", self.list_invitations),
            api_route(edge, "POST", _ONE + "/invitations", self.invite, authentication=True),
            api_route(edge, "DELETE", _ONE + "/invitations/{invitation_id}", self.revoke_invitation),
            api_route(edge, "POST", _ONE + "/tokens", self.exchange),
            api_route(edge, "POST", "/api/v1/invitations/{invitation_id}/acceptance", self.accept, authentication=True),
        ]

    async def list(self, visit: Visit) -> Response:
        query = visit.query("page")
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.workspace.ListWorkspaces(
            ListWorkspacesRequest(page_token=query.get("page", "")), metadata=credentials.metadata
        )
        return JSONResponse(rendered(answer))

    async def create(self, visit: Visit) -> Response:
        body = await read_object(
            visit.request, required={"name": "string", "slug": "string"}, optional={"workspace_id": "string"}
        )
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.workspace.CreateWorkspace(
            CreateWorkspaceRequest(
                workspace_id=body.get("workspace_id") or str(self._edge.ids.uuid7()),
                name=body["name"],
                slug=body["slug"],
            ),
            metadata=credentials.metadata,
        )
        return created(rendered(answer))

    async def open(self, visit: Visit) -> Response:
        tokens = await self._sign_in.open_workspace(visit.browser, visit.workspace_id())
        return created({"workspace_id": tokens.workspace_id, "role": tokens.role, "session_id": tokens.session_id})

    async def get(self, visit: Visit) -> Response:
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.workspace.GetWorkspace(GetWorkspaceRequest(), metadata=credentials.metadata)
        return JSONResponse(rendered(answer))

    async def update(self, visit: Visit) -> Response:
        body = await read_object(visit.request, required={"name": "string"})
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.workspace.UpdateWorkspace(
            UpdateWorkspaceRequest(name=body["name"]), metadata=credentials.metadata
        )
        return JSONResponse(rendered(answer))

    async def list_members(self, visit: Visit) -> Response:
        query = visit.query("page")
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.membership.ListMembers(
            ListMembersRequest(page_token=query.get("page", "")), metadata=credentials.metadata
        )
        return JSONResponse(rendered(answer))

    async def change_role(self, visit: Visit) -> Response:
        body = await read_object(visit.request, required={"role": "string"})
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.membership.ChangeRole(
            ChangeRoleRequest(subject_id=visit.identifier("subject_id"), role=body["role"]),
            metadata=credentials.metadata,
        )
        return JSONResponse(rendered(answer))

    async def remove_member(self, visit: Visit) -> Response:
        credentials = await visit.browser.credentials(visit.workspace_id())
        await self._edge.backends.membership.RemoveMember(
            RemoveMemberRequest(subject_id=visit.identifier("subject_id")), metadata=credentials.metadata
        )
        return done()

    async def list_invitations(self, visit: Visit) -> Response:
        query = visit.query("page")
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.invitation.ListInvitations(
            ListInvitationsRequest(page_token=query.get("page", "")), metadata=credentials.metadata
        )
        return JSONResponse(rendered(answer))

    async def invite(self, visit: Visit) -> Response:
        body = await read_object(
            visit.request, required={"address": "string", "role": "string"}, optional={"invitation_id": "string"}
        )
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.invitation.CreateInvitation(
            CreateInvitationRequest(
                invitation_id=body.get("invitation_id") or str(self._edge.ids.uuid7()),
                address=body["address"],
                role=body["role"],
            ),
            metadata=credentials.metadata,
        )
        return created(rendered(answer))

    async def revoke_invitation(self, visit: Visit) -> Response:
        credentials = await visit.browser.credentials(visit.workspace_id())
        await self._edge.backends.invitation.RevokeInvitation(
            RevokeInvitationRequest(invitation_id=visit.identifier("invitation_id")), metadata=credentials.metadata
        )
        return done()

    async def accept(self, visit: Visit) -> Response:
        body = await read_object(visit.request, required={"secret": "string"})
        secret = decode_secret(body["secret"])
        if secret is None:
            raise Problem(404, "INVITATION_INVALID", "The invitation is not valid.")
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.invitation.AcceptInvitation(
            AcceptInvitationRequest(invitation_id=visit.identifier("invitation_id"), secret=secret),
            metadata=credentials.metadata,
        )
        return created(rendered(answer))

    async def exchange(self, visit: Visit) -> Response:
        body = await read_object(visit.request, required={"audience": "string"})
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.token.ExchangeToken(
            ExchangeTokenRequest(audience=body["audience"]), metadata=credentials.metadata
        )
        return created(rendered(answer))
