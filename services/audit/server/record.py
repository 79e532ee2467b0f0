"""RecordService: what products say of their own data."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from libs.events.client import Client
from libs.rpc.call import call_of
from services.audit.commands.record import RecordProductEvent
from services.audit.domain.errors import TimeOutOfRange
from services.audit.domain.record import ProductRecord, Recorder
from wardenry.audit.v1 import record_pb2, record_pb2_grpc


class RecordHandlers(record_pb2_grpc.RecordServiceServicer):
    def __init__(self, *, recording: RecordProductEvent) -> None:
        self._recording = recording

    async def Record(self, request: record_pb2.RecordRequest, context: Any) -> record_pb2.RecordResponse:
        call = call_of(context)
        record = ProductRecord(
            event_id=UUID(request.event_id),
            action=request.action,
            kind=request.record_kind,
            id=request.record_id,
            occurred_at=_time(request),
            details=dict(request.details),
            client=Client(address=request.client_address, agent=request.client_agent),
        )
        recorder = Recorder(
            service=call.peer,
            workspace=call.workspace,
            subject=call.user.subject,
            session=call.user.session,
        )
        await self._recording.record(record, recorder)
        return record_pb2.RecordResponse()


def _time(request: record_pb2.RecordRequest) -> datetime | None:
    if not request.HasField("occurred_at"):
        return None
    try:
        return request.occurred_at.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise TimeOutOfRange from None
