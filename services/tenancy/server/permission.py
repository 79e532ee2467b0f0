"""PermissionService."""

from typing import Any
from uuid import UUID

from services.tenancy.commands.permission import PermissionCommands, Question
from services.tenancy.domain.membership import MembershipKey
from wardenry.tenancy.v1 import permission_pb2, permission_pb2_grpc


class PermissionHandlers(permission_pb2_grpc.PermissionServiceServicer):
    def __init__(self, *, permissions: PermissionCommands) -> None:
        self._permissions = permissions

    async def CheckPermissions(
        self, request: permission_pb2.CheckPermissionsRequest, context: Any
    ) -> permission_pb2.CheckPermissionsResponse:
        questions = [
            Question(
                key=MembershipKey(workspace=UUID(each.workspace_id), subject=UUID(each.subject_id)),
                permission=each.permission,
            )
            for each in request.questions
        ]
        return permission_pb2.CheckPermissionsResponse(allowed=await self._permissions.check(questions))
