"""The signed-in person."""

from starlette.routing import Route

from services.gateway.api.operation import Acting, Operation, ruled
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.visit import Edge
from wardenry.identity.v1.credential_pb2 import ChangePasswordRequest, ChangePasswordResponse
from wardenry.identity.v1.subject_pb2 import GetSubjectRequest, GetSubjectResponse

GET = Operation(
    name="getSubject",
    method="GET",
    path="/api/v1/subject",
    summary="Who is signed in",
    acting=Acting.PERSON,
    answer=GetSubjectResponse,
    rpcs=("wardenry.identity.v1.SubjectService.GetSubject",),
)
CHANGE_PASSWORD = Operation(
    name="changePassword",
    method="PUT",
    path="/api/v1/subject/password",
    summary="Replace the password",
    description="Ends every other session of the person.",
    acting=Acting.PERSON,
    authentication=True,
    body={
        "current_password": ruled(ChangePasswordRequest, "current_password"),
        "new_password": ruled(ChangePasswordRequest, "new_password"),
    },
    answer=ChangePasswordResponse,
    rpcs=("wardenry.identity.v1.CredentialService.ChangePassword",),
    # Another request changed it in between.
    refusals=("REASON_CONFLICT",),
)


class Subject:
    """Routes about the person alone."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        return [
            api_route(self._edge, GET, self.get),
            api_route(self._edge, CHANGE_PASSWORD, self.change_password),
        ]

    async def get(self, call: Call) -> GetSubjectResponse:
        return await self._edge.backends.subject.GetSubject(GetSubjectRequest(), metadata=call.metadata)

    async def change_password(self, call: Call) -> ChangePasswordResponse:
        return await self._edge.backends.credential.ChangePassword(
            ChangePasswordRequest(
                current_password=call.body["current_password"], new_password=call.body["new_password"]
            ),
            metadata=call.metadata,
        )
