"""WarrantService."""

from typing import Any
from uuid import UUID

from libs.rpc.call import call_of
from services.session.commands.warrant import AuthorizeRequest, ForgetRequest, IssueWarrant
from services.session.domain.warrant import Authorization
from wardenry.datarights.v1 import request_pb2
from wardenry.errors.error import InvalidArgument
from wardenry.session.v1 import warrant_pb2, warrant_pb2_grpc
from wardenry.warrants import ACCESS, ERASURE, RECTIFICATION

_RIGHTS: dict[int, str] = {
    request_pb2.RIGHT_ACCESS: ACCESS,
    request_pb2.RIGHT_RECTIFICATION: RECTIFICATION,
    request_pb2.RIGHT_ERASURE: ERASURE,
}


class WarrantHandlers(warrant_pb2_grpc.WarrantServiceServicer):
    def __init__(self, *, authorize: AuthorizeRequest, forget: ForgetRequest, issue: IssueWarrant) -> None:
        self._authorize = authorize
        self._forget = forget
        self._issue = issue

    async def AuthorizeRequest(
        self, request: warrant_pb2.AuthorizeRequestRequest, context: Any
    ) -> warrant_pb2.AuthorizeRequestResponse:
        right = _RIGHTS.get(request.right)
        if right is None:
            raise InvalidArgument("right: no warrants are made out for it")
        await self._authorize(
            Authorization(subject=call_of(context).user.subject, request=UUID(request.request_id), right=right)
        )
        return warrant_pb2.AuthorizeRequestResponse()

    async def ForgetRequest(
        self, request: warrant_pb2.ForgetRequestRequest, context: Any
    ) -> warrant_pb2.ForgetRequestResponse:
        await self._forget(subject=UUID(request.subject_id), request=UUID(request.request_id))
        return warrant_pb2.ForgetRequestResponse()

    async def IssueWarrant(
        self, request: warrant_pb2.IssueWarrantRequest, context: Any
    ) -> warrant_pb2.IssueWarrantResponse:
        warrant, expires_at = await self._issue(subject=UUID(request.subject_id), request=UUID(request.request_id))
        response = warrant_pb2.IssueWarrantResponse(warrant=warrant)
        response.expires_at.FromDatetime(expires_at)
        return response
