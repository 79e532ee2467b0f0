"""RequestService."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from libs.rpc.call import call_of
from services.datarights.commands.request import CreateRequest, FetchArchive, ReadRequests
from services.datarights.domain.errors import PageTokenInvalid
from services.datarights.domain.request import Request
from wardenry import base64url
from wardenry.clock import Clock
from wardenry.datarights.v1 import request_pb2, request_pb2_grpc
from wardenry.warrants import ACCESS, ERASURE

_PAGE = 50
_CHUNK = 256 * 1024
_RIGHTS = {ACCESS: request_pb2.RIGHT_ACCESS, ERASURE: request_pb2.RIGHT_ERASURE}
_RIGHT_OF: dict[int, str] = {number: right for right, number in _RIGHTS.items()}


class RequestHandlers(request_pb2_grpc.RequestServiceServicer):
    def __init__(
        self,
        *,
        create: CreateRequest,
        reading: ReadRequests,
        fetch: FetchArchive,
        archive_keys: tuple[str, ...],
        clock: Clock,
    ) -> None:
        """`archive_keys` are the verifier keys of archives, the present one first."""
        self._create = create
        self._reading = reading
        self._fetch = fetch
        self._archive_keys = archive_keys
        self._clock = clock

    async def CreateRequest(
        self, request: request_pb2.CreateRequestRequest, context: Any
    ) -> request_pb2.CreateRequestResponse:
        call = call_of(context)
        made = await self._create(
            call.caller, bearer=call.bearer, request_id=UUID(request.request_id), right=_RIGHT_OF[request.right]
        )
        return request_pb2.CreateRequestResponse(request=self._rendered(made))

    async def GetRequest(self, request: request_pb2.GetRequestRequest, context: Any) -> request_pb2.GetRequestResponse:
        found = await self._reading.get(call_of(context).user.subject, UUID(request.request_id))
        return request_pb2.GetRequestResponse(request=self._rendered(found))

    async def ListRequests(
        self, request: request_pb2.ListRequestsRequest, context: Any
    ) -> request_pb2.ListRequestsResponse:
        page = await self._reading.page(
            call_of(context).user.subject, before=_last(request.page_token), limit=request.page_size or _PAGE
        )
        return request_pb2.ListRequestsResponse(
            requests=[self._rendered(each) for each in page.requests],
            next_page_token=_token(page.requests[-1].id) if page.more else "",
        )

    async def FetchArchive(
        self, request: request_pb2.FetchArchiveRequest, context: Any
    ) -> AsyncIterator[request_pb2.FetchArchiveResponse]:
        async with aclosing(self._fetch(call_of(context).caller, UUID(request.request_id))) as pieces:
            async for piece in pieces:
                for start in range(0, len(piece), _CHUNK):
                    yield request_pb2.FetchArchiveResponse(chunk=piece[start : start + _CHUNK])

    async def GetArchiveKeys(
        self, request: request_pb2.GetArchiveKeysRequest, context: Any
    ) -> request_pb2.GetArchiveKeysResponse:
        return request_pb2.GetArchiveKeysResponse(keys=self._archive_keys)

    def _rendered(self, request: Request) -> request_pb2.Request:
        done = request.completed_at is not None
        rendered = request_pb2.Request(
            request_id=str(request.id),
            right=_RIGHTS[request.right],
            state=request_pb2.REQUEST_STATE_COMPLETED if done else request_pb2.REQUEST_STATE_RUNNING,
        )
        rendered.created_at.FromDatetime(request.created_at)
        rendered.due_at.FromDatetime(request.due_at)
        if request.completed_at is not None:
            rendered.completed_at.FromDatetime(request.completed_at)
        until = request.archive_until(self._clock.now())
        if until is not None:
            rendered.archive_expires_at.FromDatetime(until)
        if request.archive_fetched_at is not None:
            rendered.archive_fetched_at.FromDatetime(request.archive_fetched_at)
        return rendered


def _token(last: UUID) -> str:
    """Where the next page begins. It tells nothing that the page did not, and a forged one shows no more."""
    return base64url.encode(last.bytes)


def _last(token: str) -> UUID | None:
    if not token:
        return None
    try:
        return UUID(bytes=base64url.decode(token))
    except ValueError:
        raise PageTokenInvalid from None
