"""EntryService: the log, as administrators read it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from libs.rpc.call import call_of
from services.audit.commands.entry import ListEntries
from services.audit.commands.export import ExportEntries, ExportFormat
from services.audit.domain.entry import OpenedEntry
from wardenry.audit.v1 import entry_pb2, entry_pb2_grpc
from wardenry.errors.error import InvalidArgument, Violation
from wardenry.log.filter import EntryFilter

_FORMATS = {
    entry_pb2.EXPORT_FORMAT_UNSPECIFIED: ExportFormat.JSON_LINES,
    entry_pb2.EXPORT_FORMAT_JSON_LINES: ExportFormat.JSON_LINES,
    entry_pb2.EXPORT_FORMAT_CSV: ExportFormat.CSV,
}


class EntryHandlers(entry_pb2_grpc.EntryServiceServicer):
    def __init__(self, *, listing: ListEntries, exporting: ExportEntries) -> None:
        self._listing = listing
        self._exporting = exporting

    async def ListEntries(self, request: entry_pb2.ListEntriesRequest, context: Any) -> entry_pb2.ListEntriesResponse:
        page = await self._listing.list(
            call_of(context).workspace,
            filter_of(request.filter),
            size=request.page_size,
            page=request.page_token,
        )
        return entry_pb2.ListEntriesResponse(
            entries=[_message(entry) for entry in page.entries], next_page_token=page.next_page_token
        )

    async def ExportEntries(
        self, request: entry_pb2.ExportEntriesRequest, context: Any
    ) -> AsyncIterator[entry_pb2.ExportEntriesResponse]:
        call = call_of(context)
        parts = self._exporting.export(call.caller, call.workspace, filter_of(request.filter), _FORMATS[request.format])
        async for part in parts:
            yield entry_pb2.ExportEntriesResponse(chunk=part)


def filter_of(message: entry_pb2.EntryFilter) -> EntryFilter:
    """The filter that a request asks for. Raises InvalidArgument for a time that is none."""
    return EntryFilter(
        actions=tuple(message.actions),
        subject=UUID(message.subject_id) if message.subject_id else None,
        occurred_from=_time(message, "occurred_from"),
        occurred_before=_time(message, "occurred_before"),
        outcome=message.outcome,
    )


def _time(message: entry_pb2.EntryFilter, field: str) -> datetime | None:
    if not message.HasField(field):  # type: ignore[arg-type] # one of the two times
        return None
    timestamp: Timestamp = getattr(message, field)
    try:
        return timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        violation = Violation(field=f"filter.{field}", description="must be a time of the years 1 to 9999")
        raise InvalidArgument(f"{violation.field}: {violation.description}", violations=[violation]) from None


def _message(entry: OpenedEntry) -> entry_pb2.Entry:
    leaf, stored = entry.leaf, entry.stored
    message = entry_pb2.Entry(
        index=stored.index,
        event_id=str(leaf.event_id),
        source=leaf.source,
        action=leaf.action,
        outcome=leaf.outcome,
        occurred_at=leaf.occurred_at,
        actor_kind=leaf.actor_kind,
        actor_id=str(leaf.actor_id or ""),
        session_id=str(leaf.session_id or ""),
        client=leaf.client,
        target_kind=leaf.target_kind,
        target_id=leaf.target_id,
        reason=leaf.reason,
        details=dict(leaf.details),
        values=[_value(entry, person, field) for person, field in leaf.commitments],
        country=stored.country,
    )
    message.recorded_at.FromDatetime(stored.recorded_at)
    return message


def _value(entry: OpenedEntry, person: str, field: str) -> entry_pb2.EntryValue:
    opened = entry.values.get((person, field))
    if opened is None:
        return entry_pb2.EntryValue(person=person, field=field, erased=True)
    return entry_pb2.EntryValue(person=person, field=field, value=opened.value)
