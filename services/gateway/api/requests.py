"""A person's rights over their data."""

from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.gateway.api.operation import Acting, Operation, ruled
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.browser import Metadata
from services.gateway.edge.problem import Problem, Violation
from services.gateway.edge.visit import Edge
from wardenry.datarights.v1.request_pb2 import (
    RIGHT_ACCESS,
    RIGHT_ERASURE,
    CreateRequestRequest,
    CreateRequestResponse,
    FetchArchiveRequest,
    GetArchiveKeysRequest,
    GetArchiveKeysResponse,
    GetRequestRequest,
    GetRequestResponse,
    ListRequestsRequest,
    ListRequestsResponse,
    Right,
)

_REQUESTS = "/api/v1/requests"
_SERVICE = "wardenry.datarights.v1.RequestService."
_RIGHTS: dict[str, "Right.ValueType"] = {"access": RIGHT_ACCESS, "erasure": RIGHT_ERASURE}

CREATE = Operation(
    name="createRequest",
    method="POST",
    path=_REQUESTS,
    summary="Ask for one's data, or for its erasure",
    description="Repeating it with the same `request_id` answers with the request that there is.",
    acting=Acting.PERSON,
    authentication=True,
    body={
        "right": ruled(CreateRequestRequest, "right", choices=tuple(_RIGHTS)),
        "request_id": ruled(CreateRequestRequest, "request_id", required=False),
    },
    answer=CreateRequestResponse,
    status=201,
    rpcs=(_SERVICE + "CreateRequest",),
    refusals=("REASON_KEY_DESTROYED",),
)
LIST = Operation(
    name="listRequests",
    method="GET",
    path=_REQUESTS,
    summary="The person's requests, newest first",
    acting=Acting.PERSON,
    query={"page": ruled(ListRequestsRequest, "page_token", required=False)},
    answer=ListRequestsResponse,
    rpcs=(_SERVICE + "ListRequests",),
)
GET = Operation(
    name="getRequest",
    method="GET",
    path=_REQUESTS + "/{request_id}",
    summary="How far a request has come",
    acting=Acting.PERSON,
    answer=GetRequestResponse,
    rpcs=(_SERVICE + "GetRequest",),
)
ARCHIVE = Operation(
    name="fetchArchive",
    # For it works once.
    method="POST",
    path=_REQUESTS + "/{request_id}/archive",
    summary="The archive of a completed request for one's data; it can be fetched once",
    acting=Acting.PERSON,
    authentication=True,
    answer=Response,
    media=("application/zip",),
    rpcs=(_SERVICE + "FetchArchive",),
)
KEYS = Operation(
    name="getArchiveKeys",
    method="GET",
    path="/api/v1/archive-keys",
    summary="The public keys that archives are signed with",
    answer=GetArchiveKeysResponse,
    cache="public, max-age=300",
    rpcs=(_SERVICE + "GetArchiveKeys",),
)


class Requests:
    """Routes about the signed-in person's requests. Making one and fetching its archive need a fresh sign-in."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, CREATE, self.create),
            api_route(edge, LIST, self.list),
            api_route(edge, GET, self.get),
            api_route(edge, ARCHIVE, self.archive),
            api_route(edge, KEYS, self.keys),
        ]

    async def create(self, call: Call) -> CreateRequestResponse:
        body = call.body
        if body["right"] not in _RIGHTS:
            raise Problem(
                400,
                "FIELD_INVALID",
                "The request has invalid fields.",
                violations=(Violation("right", "must be access or erasure"),),
            )
        request_id = body.get("request_id", str(self._edge.ids.uuid7()))
        return await self._edge.backends.request.CreateRequest(
            CreateRequestRequest(request_id=request_id, right=_RIGHTS[body["right"]]), metadata=call.metadata
        )

    async def list(self, call: Call) -> ListRequestsResponse:
        return await self._edge.backends.request.ListRequests(
            ListRequestsRequest(page_token=call.query.get("page", "")), metadata=call.metadata
        )

    async def get(self, call: Call) -> GetRequestResponse:
        return await self._edge.backends.request.GetRequest(
            GetRequestRequest(request_id=call.identifier("request_id")), metadata=call.metadata
        )

    async def archive(self, call: Call) -> Response:
        return await archive_response(self._edge, call.metadata, call.identifier("request_id"))

    async def keys(self, call: Call) -> GetArchiveKeysResponse:
        return await self._edge.backends.request.GetArchiveKeys(GetArchiveKeysRequest())


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
