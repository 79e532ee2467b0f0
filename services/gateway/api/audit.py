"""A workspace's log."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.gateway.api.operation import Acting, Input, Operation, ruled
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.browser import Credentials
from services.gateway.edge.problem import Problem, Violation
from services.gateway.edge.visit import Edge
from wardenry.audit.v1.entry_pb2 import (
    EXPORT_FORMAT_CSV,
    EXPORT_FORMAT_JSON_LINES,
    EntryFilter,
    ExportEntriesRequest,
    ExportFormat,
    ListEntriesRequest,
    ListEntriesResponse,
)
from wardenry.audit.v1.log_pb2 import (
    GetAnchorRequest,
    GetAnchorResponse,
    GetCheckpointRequest,
    GetConsistencyProofRequest,
    GetConsistencyProofResponse,
    GetInclusionProofRequest,
    GetInclusionProofResponse,
    GetVerifierKeysRequest,
    GetVerifierKeysResponse,
)
from wardenry.timestamp import timestamp_of

_LOG = "/api/v1/workspaces/{workspace_id}/audit"
_SERVICE = "wardenry.audit.v1.LogService."
_FORMATS: dict[str, tuple["ExportFormat.ValueType", str]] = {
    "jsonl": (EXPORT_FORMAT_JSON_LINES, "application/jsonl"),
    "csv": (EXPORT_FORMAT_CSV, "text/csv; charset=utf-8"),
}
_FILTER: Mapping[str, Input] = {
    "action": ruled(EntryFilter, "actions", required=False, description='An action, "noun.verb"; empty: all.'),
    "subject_id": ruled(EntryFilter, "subject_id", required=False),
    "occurred_from": ruled(EntryFilter, "occurred_from", required=False),
    "occurred_before": ruled(EntryFilter, "occurred_before", required=False),
    "outcome": ruled(EntryFilter, "outcome", required=False),
}

ENTRIES = Operation(
    name="listEntries",
    method="GET",
    path=_LOG + "/entries",
    summary="Entries of the workspace's log, newest first",
    acting=Acting.MEMBER,
    query={
        "page": ruled(ListEntriesRequest, "page_token", required=False),
        "page_size": ruled(ListEntriesRequest, "page_size", required=False),
        **_FILTER,
    },
    answer=ListEntriesResponse,
    rpcs=("wardenry.audit.v1.EntryService.ListEntries",),
)
EXPORT = Operation(
    name="exportEntries",
    method="POST",
    path=_LOG + "/exports",
    summary="The entries that match, as a file",
    description="`jsonl` carries proofs, which `wardenry-verify` checks; `csv`, for spreadsheets, proves nothing.",
    acting=Acting.MEMBER,
    body={"format": ruled(ExportEntriesRequest, "format", choices=tuple(_FORMATS)), **_FILTER},
    answer=Response,
    media=tuple(media for _, media in _FORMATS.values()),
    rpcs=("wardenry.audit.v1.EntryService.ExportEntries",),
)
CHECKPOINT = Operation(
    name="getCheckpoint",
    method="GET",
    path=_LOG + "/checkpoint",
    summary="The newest signed checkpoint of the workspace's log",
    acting=Acting.MEMBER,
    answer=Response,
    media=("text/plain; charset=utf-8",),
    rpcs=(_SERVICE + "GetCheckpoint",),
)
INCLUSION = Operation(
    name="getInclusionProof",
    method="GET",
    path=_LOG + "/inclusion",
    summary="That an entry is in the log",
    acting=Acting.MEMBER,
    query={
        "index": ruled(GetInclusionProofRequest, "index", required=False),
        "tree_size": ruled(GetInclusionProofRequest, "tree_size", required=False),
    },
    answer=GetInclusionProofResponse,
    rpcs=(_SERVICE + "GetInclusionProof",),
)
CONSISTENCY = Operation(
    name="getConsistencyProof",
    method="GET",
    path=_LOG + "/consistency",
    summary="That the log as it was is the beginning of the log as it is",
    acting=Acting.MEMBER,
    query={
        "first_size": ruled(GetConsistencyProofRequest, "first_size"),
        "second_size": ruled(GetConsistencyProofRequest, "second_size", required=False),
    },
    answer=GetConsistencyProofResponse,
    rpcs=(_SERVICE + "GetConsistencyProof",),
)
ANCHOR = Operation(
    name="getAnchor",
    method="GET",
    path=_LOG + "/anchor",
    summary="That a checkpoint of the log is in the platform log: what `wardenry-verify --proof` takes",
    acting=Acting.MEMBER,
    query={
        "size": ruled(GetAnchorRequest, "size", required=False),
        "covering": ruled(GetAnchorRequest, "covering", required=False),
    },
    answer=GetAnchorResponse,
    rpcs=(_SERVICE + "GetAnchor",),
)
KEYS = Operation(
    name="getLogKeys",
    method="GET",
    path="/.well-known/wardenry-log-keys",
    summary="The public keys of the audit log: what `wardenry-verify --keys` takes",
    answer=GetVerifierKeysResponse,
    cache="public, max-age=300",
    rpcs=(_SERVICE + "GetVerifierKeys",),
)


class Audit:
    """Routes about the log."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, ENTRIES, self.entries),
            api_route(edge, EXPORT, self.export),
            api_route(edge, CHECKPOINT, self.checkpoint),
            api_route(edge, INCLUSION, self.inclusion),
            api_route(edge, CONSISTENCY, self.consistency),
            api_route(edge, ANCHOR, self.anchor),
            api_route(edge, KEYS, self.keys),
        ]

    async def entries(self, call: Call) -> ListEntriesResponse:
        query = call.query
        return await self._edge.backends.entry.ListEntries(
            ListEntriesRequest(
                filter=entry_filter(query),
                page_token=query.get("page", ""),
                page_size=whole_number(query, "page_size", digits=9),
            ),
            metadata=call.metadata,
        )

    async def export(self, call: Call) -> Response:
        name = str(call.visit.workspace_id())
        return await export_response(
            self._edge, call.signed_in, call.body["format"], entry_filter(call.body), name=name
        )

    async def checkpoint(self, call: Call) -> Response:
        answer = await self._edge.backends.log.GetCheckpoint(GetCheckpointRequest(), metadata=call.metadata)
        return Response(answer.checkpoint, media_type=CHECKPOINT.media[0])

    async def inclusion(self, call: Call) -> GetInclusionProofResponse:
        query = call.query
        return await self._edge.backends.log.GetInclusionProof(
            GetInclusionProofRequest(index=whole_number(query, "index"), tree_size=whole_number(query, "tree_size")),
            metadata=call.metadata,
        )

    async def consistency(self, call: Call) -> GetConsistencyProofResponse:
        query = call.query
        return await self._edge.backends.log.GetConsistencyProof(
            GetConsistencyProofRequest(
                first_size=whole_number(query, "first_size"), second_size=whole_number(query, "second_size")
            ),
            metadata=call.metadata,
        )

    async def anchor(self, call: Call) -> GetAnchorResponse:
        query = call.query
        return await self._edge.backends.log.GetAnchor(
            GetAnchorRequest(size=whole_number(query, "size"), covering=whole_number(query, "covering")),
            metadata=call.metadata,
        )

    async def keys(self, call: Call) -> GetVerifierKeysResponse:
        return await self._edge.backends.log.GetVerifierKeys(GetVerifierKeysRequest())


async def export_response(
    edge: Edge, credentials: Credentials, file_format: str, entries: EntryFilter, *, name: str
) -> StreamingResponse:
    """The export as a download, called after the workspace's `name`, of letters, digits and hyphens, and the time. The
    first chunk is awaited: a refusal is still an answer, not a broken file."""
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
        headers={"Content-Disposition": f'attachment; filename="{export_name(name, edge.clock.now(), file_format)}"'},
    )


def export_name(workspace: str, now: datetime, file_format: str) -> str:
    """What a file is called that somebody keeps beside others: whose log, and when, in UTC (ISO 8601, basic format)."""
    return f"{workspace}-audit-log-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.{file_format}"


def entry_filter(query: Mapping[str, str]) -> EntryFilter:
    """The filter that a query asks for. Raises `Problem` 400 for times that are not RFC 3339."""
    return EntryFilter(
        actions=[query["action"]] if query.get("action") else [],
        subject_id=query.get("subject_id", ""),
        outcome=query.get("outcome", ""),
        occurred_from=_time(query, "occurred_from"),
        occurred_before=_time(query, "occurred_before"),
    )


def _time(query: Mapping[str, str], name: str) -> Timestamp | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return timestamp_of(moment)
    except (ValueError, OverflowError):  # the offset may lead out of the years that there are
        raise Problem(
            400,
            "FIELD_INVALID",
            "The request has invalid fields.",
            violations=(Violation(name, "must be an RFC 3339 time with its offset"),),
        ) from None


def whole_number(query: Mapping[str, str], name: str, *, digits: int = 18) -> int:
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
