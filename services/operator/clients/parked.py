"""The consumers' parked records, over gRPC."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC
from typing import TYPE_CHECKING
from uuid import UUID

from services.operator.clients.deployment import Deployment
from services.operator.domain.parked import Event, Outcome, Retried, SetAside
from wardenry.events.v1 import parked_pb2, parked_pb2_grpc

if TYPE_CHECKING:  # exists in the typing stubs alone
    from wardenry.events.v1.parked_pb2_grpc import ParkedRecordServiceAsyncStub

#: Seconds for a page. Taking in again takes as long as it takes.
_PATIENCE = 10.0
_PAGE = 100
_OUTCOMES = {
    parked_pb2.RETRY_OUTCOME_TAKEN: Outcome.TAKEN,
    parked_pb2.RETRY_OUTCOME_GONE: Outcome.GONE,
    parked_pb2.RETRY_OUTCOME_REFUSED: Outcome.REFUSED,
    parked_pb2.RETRY_OUTCOME_FAILED: Outcome.FAILED,
}


class GrpcParkedRecords:
    def __init__(self, *, deployment: Deployment) -> None:
        self._deployment = deployment

    async def page(self, consumer: str, *, reason: str, token: str) -> tuple[Sequence[SetAside], str]:
        request = parked_pb2.ListParkedRecordsRequest(reason=reason, page_size=_PAGE, page_token=token)
        answer = await self._stub(consumer).ListParkedRecords(request, timeout=_PATIENCE)
        return [_set_aside(consumer, each) for each in answer.records], answer.next_page_token

    async def retry(self, consumer: str) -> AsyncIterator[Retried]:
        async for each in self._stub(consumer).RetryParkedRecords(parked_pb2.RetryParkedRecordsRequest()):
            yield Retried(
                digest=each.digest,
                outcome=_OUTCOMES[each.outcome],
                detail=each.detail,
                event=_event(each.event) if each.HasField("event") else None,
            )

    def _stub(self, consumer: str) -> "ParkedRecordServiceAsyncStub":
        return parked_pb2_grpc.ParkedRecordServiceStub(self._deployment.channel(consumer))


def _set_aside(consumer: str, record: parked_pb2.ParkedRecord) -> SetAside:
    return SetAside(
        consumer=consumer,
        digest=record.digest,
        reason=record.reason,
        detail=record.detail,
        topic=record.topic,
        size=record.size,
        parked_at=record.parked_at.ToDatetime(tzinfo=UTC),
        event=_event(record.event) if record.HasField("event") else None,
    )


def _event(event: parked_pb2.ParkedEvent) -> Event:
    return Event(
        source=event.source,
        bucket=event.bucket,
        generation=event.generation,
        number=event.number,
        event_id=UUID(bytes=event.event_id),
        log=UUID(bytes=event.log_id),
        action=event.action,
        occurred_at=event.occurred_at.ToDatetime(tzinfo=UTC),
    )
