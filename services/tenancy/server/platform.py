"""PlatformService."""

from typing import Any
from uuid import UUID

from libs.ids import PLATFORM
from libs.rpc.call import call_of
from services.tenancy.commands.platform import InviteFounder
from wardenry.tenancy.v1 import platform_pb2, platform_pb2_grpc


class PlatformHandlers(platform_pb2_grpc.PlatformServiceServicer):
    def __init__(self, *, invite_founder: InviteFounder) -> None:
        self._invite_founder = invite_founder

    async def InviteFounder(
        self, request: platform_pb2.InviteFounderRequest, context: Any
    ) -> platform_pb2.InviteFounderResponse:
        invited = await self._invite_founder(
            invitation_id=UUID(request.invitation_id),
            address=request.address,
            name=request.name,
            peer=call_of(context).peer,
        )
        response = platform_pb2.InviteFounderResponse(
            workspace_id=str(PLATFORM), link=invited.link, voided=invited.voided
        )
        response.expires_at.FromDatetime(invited.expires_at)
        return response
