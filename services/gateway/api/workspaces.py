"""Workspaces, their members and invitations."""

from typing import Annotated

from msgspec import Meta, Struct
from starlette.routing import Route

from services.gateway.api.operation import Acting, Input, Operation, ruled
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.cookies import decode_secret
from services.gateway.edge.problem import Problem
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge
from wardenry.session.v1.token_pb2 import ExchangeTokenRequest, ExchangeTokenResponse
from wardenry.tenancy.v1.invitation_pb2 import (
    AcceptInvitationRequest,
    AcceptInvitationResponse,
    CreateInvitationRequest,
    CreateInvitationResponse,
    DeclineInvitationRequest,
    GetOfferRequest,
    GetOfferResponse,
    ListInvitationsRequest,
    ListInvitationsResponse,
    RenewInvitationRequest,
    RenewInvitationResponse,
    RevokeInvitationRequest,
)
from wardenry.tenancy.v1.membership_pb2 import (
    ChangeRoleRequest,
    ChangeRoleResponse,
    ListMembersRequest,
    ListMembersResponse,
    RemoveMemberRequest,
)
from wardenry.tenancy.v1.workspace_pb2 import (
    CreateWorkspaceRequest,
    CreateWorkspaceResponse,
    GetWorkspaceRequest,
    GetWorkspaceResponse,
    ListWorkspacesRequest,
    ListWorkspacesResponse,
    UpdateWorkspaceRequest,
    UpdateWorkspaceResponse,
)

_ONE = "/api/v1/workspaces/{workspace_id}"
_WORKSPACE = "wardenry.tenancy.v1.WorkspaceService."
_MEMBERSHIP = "wardenry.tenancy.v1.MembershipService."
_INVITATION = "wardenry.tenancy.v1.InvitationService."


class OpenWorkspace(Struct):
    """A workspace that this browser has open now. Its tokens are in cookies of its own."""

    workspace_id: Annotated[str, Meta(description="Workspace id.")]
    role: Annotated[str, Meta(description='The person\'s role: "owner", "admin", "manager", "member".')]
    session_id: Annotated[str, Meta(description="Session id.")]


LIST = Operation(
    name="listWorkspaces",
    method="GET",
    path="/api/v1/workspaces",
    summary="The workspaces that the person is a member of",
    acting=Acting.PERSON,
    query={"page": ruled(ListWorkspacesRequest, "page_token", required=False)},
    answer=ListWorkspacesResponse,
    rpcs=(_WORKSPACE + "ListWorkspaces",),
)
CREATE = Operation(
    name="createWorkspace",
    method="POST",
    path="/api/v1/workspaces",
    summary="Create a workspace, and own it",
    description="Repeating it with the same `workspace_id` answers with the workspace that there is.",
    acting=Acting.PERSON,
    body={
        "name": ruled(CreateWorkspaceRequest, "name"),
        "slug": ruled(CreateWorkspaceRequest, "slug"),
        "workspace_id": ruled(CreateWorkspaceRequest, "workspace_id", required=False),
    },
    answer=CreateWorkspaceResponse,
    status=201,
    rpcs=(_WORKSPACE + "CreateWorkspace",),
)
OPEN = Operation(
    name="openWorkspace",
    method="POST",
    path=_ONE + "/grants",
    summary="Open a workspace in this browser",
    description="Everything below a workspace needs this first: it sets the cookies of that workspace.",
    acting=Acting.PERSON,
    answer=OpenWorkspace,
    status=201,
    rpcs=("wardenry.session.v1.TokenService.CreateGrant",),
)
GET = Operation(
    name="getWorkspace",
    method="GET",
    path=_ONE,
    summary="A workspace",
    acting=Acting.MEMBER,
    answer=GetWorkspaceResponse,
    rpcs=(_WORKSPACE + "GetWorkspace",),
)
UPDATE = Operation(
    name="updateWorkspace",
    method="PATCH",
    path=_ONE,
    summary="Rename a workspace",
    acting=Acting.MEMBER,
    body={"name": ruled(UpdateWorkspaceRequest, "name")},
    answer=UpdateWorkspaceResponse,
    rpcs=(_WORKSPACE + "UpdateWorkspace",),
)
LIST_MEMBERS = Operation(
    name="listMembers",
    method="GET",
    path=_ONE + "/members",
    summary="The members of a workspace",
    acting=Acting.MEMBER,
    query={"page": ruled(ListMembersRequest, "page_token", required=False)},
    answer=ListMembersResponse,
    rpcs=(_MEMBERSHIP + "ListMembers",),
)
CHANGE_ROLE = Operation(
    name="changeRole",
    method="PUT",
    path=_ONE + "/members/{subject_id}/role",
    summary="Change a member's role",
    acting=Acting.MEMBER,
    body={"role": ruled(ChangeRoleRequest, "role")},
    answer=ChangeRoleResponse,
    rpcs=(_MEMBERSHIP + "ChangeRole",),
)
REMOVE_MEMBER = Operation(
    name="removeMember",
    method="DELETE",
    path=_ONE + "/members/{subject_id}",
    summary="Remove a member, or leave",
    acting=Acting.MEMBER,
    answer=type(None),
    status=204,
    rpcs=(_MEMBERSHIP + "RemoveMember",),
)
LIST_INVITATIONS = Operation(
    name="listInvitations",
    method="GET",
    path=_ONE + "/invitations",
    summary="The open invitations of a workspace, newest first",
    acting=Acting.MEMBER,
    query={"page": ruled(ListInvitationsRequest, "page_token", required=False)},
    answer=ListInvitationsResponse,
    rpcs=(_INVITATION + "ListInvitations",),
)
INVITE = Operation(
    name="createInvitation",
    method="POST",
    path=_ONE + "/invitations",
    summary="Invite somebody by mail",
    description="Repeating it with the `invitation_id` of an open one answers as the first time and mails nothing.",
    acting=Acting.MEMBER,
    authentication=True,
    body={
        "address": ruled(CreateInvitationRequest, "address"),
        "role": ruled(CreateInvitationRequest, "role"),
        "invitation_id": ruled(CreateInvitationRequest, "invitation_id", required=False),
    },
    answer=CreateInvitationResponse,
    status=201,
    rpcs=(_INVITATION + "CreateInvitation",),
)
RENEW_INVITATION = Operation(
    name="renewInvitation",
    method="POST",
    path=_ONE + "/invitations/{invitation_id}/renewal",
    summary="Send an open invitation again: a new one takes its place",
    description="Repeating it with the `renewed_id` of an open one answers as the first time and mails nothing.",
    acting=Acting.MEMBER,
    authentication=True,
    body={"renewed_id": ruled(RenewInvitationRequest, "renewed_id", required=False)},
    answer=RenewInvitationResponse,
    status=201,
    rpcs=(_INVITATION + "RenewInvitation",),
)
REVOKE_INVITATION = Operation(
    name="revokeInvitation",
    method="DELETE",
    path=_ONE + "/invitations/{invitation_id}",
    summary="Revoke an open invitation",
    acting=Acting.MEMBER,
    answer=type(None),
    status=204,
    rpcs=(_INVITATION + "RevokeInvitation",),
)
EXCHANGE = Operation(
    name="exchangeToken",
    method="POST",
    path=_ONE + "/tokens",
    summary="A short access token for one of your own services (RFC 8693)",
    description="What a page sends to a product's API in `Authorization: Bearer …`; the SDK checks it there.",
    acting=Acting.MEMBER,
    body={"audience": ruled(ExchangeTokenRequest, "audience")},
    answer=ExchangeTokenResponse,
    status=201,
    rpcs=("wardenry.session.v1.TokenService.ExchangeToken",),
)
_SECRET = {
    "secret": Input(
        description="What the mailed link has after its `#`.",
        schema={"pattern": "^[A-Za-z0-9_-]{43}$"},
    )
}
OFFER = Operation(
    name="getOffer",
    method="POST",
    path="/api/v1/invitations/{invitation_id}/offer",
    summary="What an invitation offers, for who holds its secret",
    description="A POST, as the secret does not belong in a URL. It changes nothing.",
    body=_SECRET,
    answer=GetOfferResponse,
    rpcs=(_INVITATION + "GetOffer",),
)
DECLINE = Operation(
    name="declineInvitation",
    method="POST",
    path="/api/v1/invitations/{invitation_id}/refusal",
    summary="Decline an invitation: it works no more",
    description="Whoever holds the secret may, signed in or not.",
    authentication=True,
    body=_SECRET,
    answer=type(None),
    status=204,
    rpcs=(_INVITATION + "DeclineInvitation",),
)
ACCEPT = Operation(
    name="acceptInvitation",
    method="POST",
    path="/api/v1/invitations/{invitation_id}/acceptance",
    summary="Accept an invitation",
    description="The person's verified address must be the invited one.",
    acting=Acting.PERSON,
    authentication=True,
    body=_SECRET,
    answer=AcceptInvitationResponse,
    status=201,
    rpcs=(_INVITATION + "AcceptInvitation",),
    refusals=("REASON_KEY_DESTROYED",),
)


class Workspaces:
    """Routes about workspaces. Everything below one uses that workspace's own token."""

    def __init__(self, *, edge: Edge, sign_in: SignIn) -> None:
        self._edge = edge
        self._sign_in = sign_in

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, LIST, self.list),
            api_route(edge, CREATE, self.create),
            api_route(edge, OPEN, self.open),
            api_route(edge, GET, self.get),
            api_route(edge, UPDATE, self.update),
            api_route(edge, LIST_MEMBERS, self.list_members),
            api_route(edge, CHANGE_ROLE, self.change_role),
            api_route(edge, REMOVE_MEMBER, self.remove_member),
            api_route(edge, LIST_INVITATIONS, self.list_invitations),
            api_route(edge, INVITE, self.invite),
            api_route(edge, RENEW_INVITATION, self.renew_invitation),
            api_route(edge, REVOKE_INVITATION, self.revoke_invitation),
            api_route(edge, OFFER, self.offer),
            api_route(edge, DECLINE, self.decline),
            api_route(edge, EXCHANGE, self.exchange),
            api_route(edge, ACCEPT, self.accept),
        ]

    async def list(self, call: Call) -> ListWorkspacesResponse:
        return await self._edge.backends.workspace.ListWorkspaces(
            ListWorkspacesRequest(page_token=call.query.get("page", "")), metadata=call.metadata
        )

    async def create(self, call: Call) -> CreateWorkspaceResponse:
        body = call.body
        return await self._edge.backends.workspace.CreateWorkspace(
            CreateWorkspaceRequest(
                workspace_id=body.get("workspace_id", str(self._edge.ids.uuid7())),
                name=body["name"],
                slug=body["slug"],
            ),
            metadata=call.metadata,
        )

    async def open(self, call: Call) -> OpenWorkspace:
        tokens = await self._sign_in.open_workspace(call.browser, call.visit.workspace_id())
        return OpenWorkspace(tokens.workspace_id, tokens.role, tokens.session_id)

    async def get(self, call: Call) -> GetWorkspaceResponse:
        return await self._edge.backends.workspace.GetWorkspace(GetWorkspaceRequest(), metadata=call.metadata)

    async def update(self, call: Call) -> UpdateWorkspaceResponse:
        return await self._edge.backends.workspace.UpdateWorkspace(
            UpdateWorkspaceRequest(name=call.body["name"]), metadata=call.metadata
        )

    async def list_members(self, call: Call) -> ListMembersResponse:
        return await self._edge.backends.membership.ListMembers(
            ListMembersRequest(page_token=call.query.get("page", "")), metadata=call.metadata
        )

    async def change_role(self, call: Call) -> ChangeRoleResponse:
        return await self._edge.backends.membership.ChangeRole(
            ChangeRoleRequest(subject_id=call.identifier("subject_id"), role=call.body["role"]),
            metadata=call.metadata,
        )

    async def remove_member(self, call: Call) -> None:
        await self._edge.backends.membership.RemoveMember(
            RemoveMemberRequest(subject_id=call.identifier("subject_id")), metadata=call.metadata
        )

    async def list_invitations(self, call: Call) -> ListInvitationsResponse:
        return await self._edge.backends.invitation.ListInvitations(
            ListInvitationsRequest(page_token=call.query.get("page", "")), metadata=call.metadata
        )

    async def invite(self, call: Call) -> CreateInvitationResponse:
        body = call.body
        return await self._edge.backends.invitation.CreateInvitation(
            CreateInvitationRequest(
                invitation_id=body.get("invitation_id", str(self._edge.ids.uuid7())),
                address=body["address"],
                role=body["role"],
            ),
            metadata=call.metadata,
        )

    async def renew_invitation(self, call: Call) -> RenewInvitationResponse:
        return await self._edge.backends.invitation.RenewInvitation(
            RenewInvitationRequest(
                invitation_id=call.identifier("invitation_id"),
                renewed_id=call.body.get("renewed_id", str(self._edge.ids.uuid7())),
            ),
            metadata=call.metadata,
        )

    async def revoke_invitation(self, call: Call) -> None:
        await self._edge.backends.invitation.RevokeInvitation(
            RevokeInvitationRequest(invitation_id=call.identifier("invitation_id")), metadata=call.metadata
        )

    async def accept(self, call: Call) -> AcceptInvitationResponse:
        return await self._edge.backends.invitation.AcceptInvitation(
            AcceptInvitationRequest(invitation_id=call.identifier("invitation_id"), secret=_secret_of(call)),
            metadata=call.metadata,
        )

    async def offer(self, call: Call) -> GetOfferResponse:
        return await self._edge.backends.invitation.GetOffer(
            GetOfferRequest(invitation_id=call.identifier("invitation_id"), secret=_secret_of(call)),
            metadata=call.metadata,
        )

    async def decline(self, call: Call) -> None:
        await self._edge.backends.invitation.DeclineInvitation(
            DeclineInvitationRequest(invitation_id=call.identifier("invitation_id"), secret=_secret_of(call)),
            metadata=call.metadata,
        )

    async def exchange(self, call: Call) -> ExchangeTokenResponse:
        return await self._edge.backends.token.ExchangeToken(
            ExchangeTokenRequest(audience=call.body["audience"]), metadata=call.metadata
        )


def _secret_of(call: Call) -> bytes:
    secret = decode_secret(call.body["secret"])
    if secret is None:
        raise Problem(404, "INVITATION_INVALID", "The invitation is not valid.")
    return secret
