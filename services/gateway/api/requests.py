"""A person's rights over their data."""

from collections.abc import AsyncIterator

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from services.gateway.api.routing import api_route, created
from services.gateway.edge.body import read_object
from services.gateway.edge.browser import Metadata
from services.gateway.edge.problem import Problem, Violation
from services.gateway.edge.rendering import rendered
from services.gateway.edge.visit import Edge, Visit
from wardenry.datarights.v1.request_pb2 import (
    RIGHT_ACCESS,
    RIGHT_ERASURE,
    CreateRequestRequest,
    FetchArchiveRequest,
    GetArchiveKeysRequest,
    GetRequestRequest,
    ListRequestsRequest,
    Right,
)

_REQUESTS = "/api/v1/requests"
_RIGHTS: dict[str, "Right.ValueType"] = {"access": RIGHT_ACCESS, "erasure": RIGHT_ERASURE}


class Requests:
    """Routes about the signed-in person's requests. Making one and fetching its archive need a fresh sign-in."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, "POST", _REQUESTS, self.create, authentication=True),
            api_route(edge, "GET", _REQUESTS, self.list),
            api_route(edge, "GET", _REQUESTS + "/{request_id}", self.get),
            # POST, for it works once.
            api_route(edge, "POST", _REQUESTS + "/{request_id}/archive", self.archive, authentication=True),
            api_route(edge, "GET", "/api/v1/archive-keys", self.keys),
        ]

    async def create(self, visit: Visit) -> Response:
        body = await read_object(visit.request, required={"right": "string"}, optional={"request_id": "string"})
        if body["right"] not in _RIGHTS:
            raise Problem(
                400,
                "FIELD_INVALID",
                "The request has invalid fields.",
                violations=(Violation("right", "must be access or erasure"),),
            )
        credentials = await visit.browser.session_credentials()
        request_id = body.get("request_id") or str(self._edge.ids.uuid7())
        answer = await self._edge.backends.request.CreateRequest(
            CreateRequestRequest(request_id=request_id, right=_RIGHTS[body["right"]]), metadata=credentials.metadata
        )
        return created(rendered(answer))

    async def list(self, visit: Visit) -> Response:
        query = visit.query("page")
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.request.ListRequests(
            ListRequestsRequest(page_token=query.get("page", "")), metadata=credentials.metadata
        )
        return JSONResponse(rendered(answer))

    async def get(self, visit: Visit) -> Response:
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.request.GetRequest(
            GetRequestRequest(request_id=visit.identifier("request_id")), metadata=credentials.metadata
        )
        return JSONResponse(rendered(answer))

    async def archive(self, visit: Visit) -> Response:
        request_id = visit.identifier("request_id")
        credentials = await visit.browser.session_credentials()
        return await archive_response(self._edge, credentials.metadata, request_id)

    async def keys(self, visit: Visit) -> Response:
        answer = await self._edge.backends.request.GetArchiveKeys(GetArchiveKeysRequest())
        return JSONResponse(rendered(answer), headers={"Cache-Control": "public, max-age=300"})


async def archive_response(edge: Edge, metadata: Metadata, request_id: str) -> StreamingResponse:
    """The archive as a download. The first chunk is awaited: a refusal is still an answer, not a broken file."""
    call = edge.backends.request.FetchArchive(FetchArchiveRequest(request_id=request_id), metadata=metadata)
    chunks = aiter(call)
    first = await anext(chunks, None)

    async def body() -> AsyncIterator[bytes]:
        if first is not None:
            yield first.chunk
        async for answer in chunks:
            yield answer.chunk

    return StreamingResponse(
        body(),
        media_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="your-data.zip"', "Cache-Control": "no-store"},
    )
