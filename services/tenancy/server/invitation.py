"""InvitationService."""

from typing import Any
from uuid import UUID

from libs.rpc.call import call_of
from services.tenancy.commands.invitation import InvitationCommands, OpenInvitation
from services.tenancy.commands.offer import OfferCommands
from services.tenancy.domain.errors import PageTokenInvalid
from services.tenancy.server.caller import insider_of
from services.tenancy.server.denial import Denials
from services.tenancy.server.page import position_of, size_of, token_of
from wardenry.permissions import Permission, Role
from wardenry.tenancy.v1 import invitation_pb2, invitation_pb2_grpc

_LIST = "invitations"
_CREATE = "/wardenry.tenancy.v1.InvitationService/CreateInvitation"
_RENEW = "/wardenry.tenancy.v1.InvitationService/RenewInvitation"
_REVOKE = "/wardenry.tenancy.v1.InvitationService/RevokeInvitation"


class InvitationHandlers(invitation_pb2_grpc.InvitationServiceServicer):
    def __init__(self, *, invitations: InvitationCommands, offers: OfferCommands, denials: Denials) -> None:
        self._invitations = invitations
        self._offers = offers
        self._denials = denials

    async def CreateInvitation(
        self, request: invitation_pb2.CreateInvitationRequest, context: Any
    ) -> invitation_pb2.CreateInvitationResponse:
        call = call_of(context)
        async with self._denials.recorded(call, _CREATE, Permission.INVITATION_CREATE):
            created = await self._invitations.create(
                insider_of(call),
                invitation_id=UUID(request.invitation_id),
                address=request.address,
                role=Role(request.role),
            )
        return invitation_pb2.CreateInvitationResponse(invitation=_rendered(created))

    async def RenewInvitation(
        self, request: invitation_pb2.RenewInvitationRequest, context: Any
    ) -> invitation_pb2.RenewInvitationResponse:
        call = call_of(context)
        async with self._denials.recorded(call, _RENEW, Permission.INVITATION_CREATE):
            renewed = await self._invitations.renew(
                insider_of(call), invitation_id=UUID(request.invitation_id), renewed_id=UUID(request.renewed_id)
            )
        return invitation_pb2.RenewInvitationResponse(invitation=_rendered(renewed))

    async def ListInvitations(
        self, request: invitation_pb2.ListInvitationsRequest, context: Any
    ) -> invitation_pb2.ListInvitationsResponse:
        position = position_of(_LIST, request.page_token)
        before = None
        if position is not None:
            if position.at is None:
                raise PageTokenInvalid
            before = (position.at, position.last)
        page = await self._invitations.page(
            insider_of(call_of(context)), before=before, limit=size_of(request.page_size)
        )
        token = ""
        if page.more:
            last = page.items[-1].invitation
            token = token_of(_LIST, last.id, last.created_at)
        return invitation_pb2.ListInvitationsResponse(
            invitations=[_rendered(each) for each in page.items], next_page_token=token
        )

    async def RevokeInvitation(
        self, request: invitation_pb2.RevokeInvitationRequest, context: Any
    ) -> invitation_pb2.RevokeInvitationResponse:
        call = call_of(context)
        async with self._denials.recorded(call, _REVOKE, Permission.INVITATION_CREATE):
            await self._invitations.revoke(insider_of(call), invitation_id=UUID(request.invitation_id))
        return invitation_pb2.RevokeInvitationResponse()

    async def AcceptInvitation(
        self, request: invitation_pb2.AcceptInvitationRequest, context: Any
    ) -> invitation_pb2.AcceptInvitationResponse:
        joined = await self._invitations.accept(
            call_of(context).caller, invitation_id=UUID(request.invitation_id), secret=request.secret
        )
        return invitation_pb2.AcceptInvitationResponse(
            workspace_id=str(joined.workspace.id), slug=joined.workspace.slug, role=joined.role
        )

    async def GetOffer(self, request: invitation_pb2.GetOfferRequest, context: Any) -> invitation_pb2.GetOfferResponse:
        offer = await self._offers.look(invitation_id=UUID(request.invitation_id), secret=request.secret)
        rendered = invitation_pb2.GetOfferResponse(
            workspace_name=offer.workspace, role=offer.role, inviter_name=offer.inviter
        )
        rendered.expires_at.FromDatetime(offer.expires_at)
        return rendered

    async def DeclineInvitation(
        self, request: invitation_pb2.DeclineInvitationRequest, context: Any
    ) -> invitation_pb2.DeclineInvitationResponse:
        await self._offers.decline(
            call_of(context).visitor, invitation_id=UUID(request.invitation_id), secret=request.secret
        )
        return invitation_pb2.DeclineInvitationResponse()


def _rendered(opened: OpenInvitation) -> invitation_pb2.Invitation:
    rendered = invitation_pb2.Invitation(
        invitation_id=str(opened.invitation.id), address=opened.address, role=opened.invitation.role
    )
    rendered.created_at.FromDatetime(opened.invitation.created_at)
    rendered.expires_at.FromDatetime(opened.invitation.expires_at)
    return rendered
