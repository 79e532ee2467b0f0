"""A workspace's log."""

from collections.abc import AsyncIterator
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from services.gateway.api.routing import api_route
from services.gateway.edge.body import read_object
from services.gateway.edge.browser import Credentials
from services.gateway.edge.problem import Problem, Violation
from services.gateway.edge.rendering import rendered
from services.gateway.edge.visit import Edge, Visit
from wardenry.audit.v1.entry_pb2 import (
    EXPORT_FORMAT_CSV,
    EXPORT_FORMAT_JSON_LINES,
    EntryFilter,
    ExportEntriesRequest,
    ExportFormat,
    ListEntriesRequest,
)
from wardenry.audit.v1.log_pb2 import (
    GetAnchorRequest,
    GetCheckpointRequest,
    GetConsistencyProofRequest,
    GetInclusionProofRequest,
    GetVerifierKeysRequest,
)

_LOG = "/api/v1/workspaces/{workspace_id}/audit"
_FILTER = ("action", "subject_id", "occurred_from", "occurred_before", "outcome")
_FORMATS: dict[str, tuple["ExportFormat.ValueType", str]] = {
    "jsonl": (EXPORT_FORMAT_JSON_LINES, "application/jsonl"),
    "csv": (EXPORT_FORMAT_CSV, "text/csv; charset=utf-8"),
}


class Audit:
    """Routes about the log."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, "GET", _LOG + "/entries", self.entries),
            api_route(edge, "POST", _LOG + "/exports", self.export),
            api_route(edge, "GET", _LOG + "/checkpoint", self.checkpoint),
            api_route(edge, "GET", _LOG + "/inclusion", self.inclusion),
            api_route(edge, "GET", _LOG + "/consistency", self.consistency),
            api_route(edge, "GET", _LOG + "/anchor", self.anchor),
            api_route(edge, "GET", "/.well-known/wardenry-log-keys", self.keys),
        ]

    async def entries(self, visit: Visit) -> Response:
        query = visit.query("page", "page_size", *_FILTER)
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.entry.ListEntries(
            ListEntriesRequest(
                filter=entry_filter(query),
                page_token=query.get("page", ""),
                page_size=whole_number(query, "page_size", digits=9),
            ),
            metadata=credentials.metadata,
        )
        return JSONResponse(rendered(answer))

    async def export(self, visit: Visit) -> Response:
        body = await read_object(
            visit.request, required={"format": "string"}, optional=dict.fromkeys(_FILTER, "string")
        )
        credentials = await visit.browser.credentials(visit.workspace_id())
        return await export_response(self._edge, credentials, body.pop("format"), entry_filter(body))

    async def checkpoint(self, visit: Visit) -> Response:
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.log.GetCheckpoint(GetCheckpointRequest(), metadata=credentials.metadata)
        return Response(answer.checkpoint, media_type="text/plain; charset=utf-8")

    async def inclusion(self, visit: Visit) -> Response:
        query = visit.query("index", "tree_size")
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.log.GetInclusionProof(
            GetInclusionProofRequest(index=whole_number(query, "index"), tree_size=whole_number(query, "tree_size")),
            metadata=credentials.metadata,
        )
        return JSONResponse(rendered(answer))

    async def consistency(self, visit: Visit) -> Response:
        query = visit.query("first_size", "second_size")
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.log.GetConsistencyProof(
            GetConsistencyProofRequest(
                first_size=whole_number(query, "first_size"), second_size=whole_number(query, "second_size")
            ),
            metadata=credentials.metadata,
        )
        return JSONResponse(rendered(answer))

    async def anchor(self, visit: Visit) -> Response:
        query = visit.query("size", "covering")
        credentials = await visit.browser.credentials(visit.workspace_id())
        answer = await self._edge.backends.log.GetAnchor(
            GetAnchorRequest(size=whole_number(query, "size"), covering=whole_number(query, "covering")),
            metadata=credentials.metadata,
        )
        return JSONResponse(rendered(answer))

    async def keys(self, visit: Visit) -> Response:
        answer = await self._edge.backends.log.GetVerifierKeys(GetVerifierKeysRequest())
        return JSONResponse(rendered(answer), headers={"Cache-Control": "public, max-age=300"})


async def export_response(
    edge: Edge, credentials: Credentials, file_format: str, entries: EntryFilter
) -> StreamingResponse:
    """The export as a download. The first chunk is awaited: a refusal is still an answer, not a broken file."""
    if file_format not in _FORMATS:
        raise Problem(
            400,
            "FIELD_INVALID",
            "The request has invalid fields.",
            violations=(Violation("format", "must be jsonl or csv"),),
        )
    number, media_type = _FORMATS[file_format]
    call = edge.backends.entry.ExportEntries(
        ExportEntriesRequest(filter=entries, format=number), metadata=credentials.metadata
    )
    chunks = aiter(call)
    first = await anext(chunks, None)

    async def body() -> AsyncIterator[bytes]:
        if first is not None:
            yield first.chunk
        async for answer in chunks:
            yield answer.chunk

    return StreamingResponse(
        body(),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="audit-log.{file_format}"'},
    )


def entry_filter(query: dict[str, str]) -> EntryFilter:
    """The filter that a query asks for. Raises `Problem` 400 for times that are not RFC 3339."""
    return EntryFilter(
        actions=[query["action"]] if query.get("action") else [],
        subject_id=query.get("subject_id", ""),
        outcome=query.get("outcome", ""),
        occurred_from=_time(query, "occurred_from"),
        occurred_before=_time(query, "occurred_before"),
    )


def _time(query: dict[str, str], name: str) -> Timestamp | None:
    text = query.get(name, "")
    if not text:
        return None
    timestamp = Timestamp()
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        timestamp.FromDatetime(moment)
    except (ValueError, OverflowError):  # the offset may lead out of the years that there are
        raise Problem(
            400,
            "FIELD_INVALID",
            "The request has invalid fields.",
            violations=(Violation(name, "must be an RFC 3339 time with its offset"),),
        ) from None
    return timestamp


def whole_number(query: dict[str, str], name: str, *, digits: int = 18) -> int:
    """The number under `name`, 0 when it is absent. Raises `Problem` 400 for what is none or has more `digits`: 9 fit
    into 32 bits, 18 into 64. Which numbers make sense is the service's to say."""
    text = query.get(name, "") or "0"
    if not (text.isascii() and text.isdecimal() and len(text) <= digits):
        raise Problem(
            400,
            "FIELD_INVALID",
            "The request has invalid parameters.",
            violations=(Violation(name, "must be a whole number"),),
        )
    return int(text)
