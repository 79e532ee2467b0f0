"""The signed-in person."""

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.gateway.api.routing import api_route
from services.gateway.edge.body import read_object
from services.gateway.edge.rendering import rendered
from services.gateway.edge.visit import Edge, Visit
from wardenry.identity.v1.credential_pb2 import ChangePasswordRequest
from wardenry.identity.v1.subject_pb2 import GetSubjectRequest


class Subject:
    """Routes about the person alone."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        return [
            api_route(self._edge, "GET", "/api/v1/subject", self.get),
            api_route(self._edge, "PUT", "/api/v1/subject/password", self.change_password, authentication=True),
        ]

    async def get(self, visit: Visit) -> Response:
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.subject.GetSubject(GetSubjectRequest(), metadata=credentials.metadata)
        return JSONResponse(rendered(answer))

    async def change_password(self, visit: Visit) -> Response:
        body = await read_object(visit.request, required={"current_password": "string", "new_password": "string"})
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.credential.ChangePassword(
            ChangePasswordRequest(current_password=body["current_password"], new_password=body["new_password"]),
            metadata=credentials.metadata,
        )
        return JSONResponse(rendered(answer))
