"""Showing an operator what was set aside, and taking in again what failed."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from libs.events.parked import Reason
from libs.events.parked_records import ParkedReader, ParkedRecord, Place
from libs.events.record import Record
from libs.events.retry import Outcome, ParkedRetry, Retried
from libs.moments import microseconds_of, moment_of
from libs.rpc.call import call_of
from wardenry import base64url
from wardenry.errors.error import InvalidArgument
from wardenry.errors.v1 import reason_pb2
from wardenry.events.v1 import parked_pb2, parked_pb2_grpc
from wardenry.framing import frame, unframe
from wardenry.timestamp import timestamp_of

_PAGE = 50
_OUTCOMES = {
    Outcome.TAKEN: parked_pb2.RETRY_OUTCOME_TAKEN,
    Outcome.GONE: parked_pb2.RETRY_OUTCOME_GONE,
    Outcome.REFUSED: parked_pb2.RETRY_OUTCOME_REFUSED,
    Outcome.FAILED: parked_pb2.RETRY_OUTCOME_FAILED,
}


class ParkedRecordServicer(parked_pb2_grpc.ParkedRecordServiceServicer):
    """wardenry.events.v1.ParkedRecordService, the same in every service that consumes. Of its errors the service's own
    table tells DatabaseUnavailable."""

    def __init__(self, *, reader: ParkedReader, retry: ParkedRetry) -> None:
        self._reader = reader
        self._retry = retry

    async def ListParkedRecords(  # noqa: N802 - the contract's name
        self, request: parked_pb2.ListParkedRecordsRequest, context: Any
    ) -> parked_pb2.ListParkedRecordsResponse:
        """A page of them."""
        size = request.page_size or _PAGE
        after = _place(request.page_token) if request.page_token else None
        reason = Reason(request.reason) if request.reason else None
        # One more than shown tells whether there is a next page.
        found = await self._reader.page(reason=reason, after=after, limit=size + 1)
        shown = found[:size]
        return parked_pb2.ListParkedRecordsResponse(
            records=[_record(each) for each in shown],
            next_page_token=_token(shown[-1].place) if len(found) > size else "",
        )

    async def RetryParkedRecords(  # noqa: N802 - the contract's name
        self, request: parked_pb2.RetryParkedRecordsRequest, context: Any
    ) -> AsyncIterator[parked_pb2.RetryParkedRecordsResponse]:
        """What becomes of each."""
        async with aclosing(self._retry.retry(by=call_of(context).peer)) as every:
            async for retried in every:
                yield _retried(retried)


def _record(parked: ParkedRecord) -> parked_pb2.ParkedRecord:
    return parked_pb2.ParkedRecord(
        digest=parked.place.digest,
        reason=parked.place.reason,
        detail=parked.detail,
        topic=parked.topic,
        size=parked.size,
        parked_at=timestamp_of(parked.place.parked_at),
        event=_event(parked.event),
    )


def _retried(retried: Retried) -> parked_pb2.RetryParkedRecordsResponse:
    return parked_pb2.RetryParkedRecordsResponse(
        digest=retried.digest,
        event=_event(retried.event),
        outcome=_OUTCOMES[retried.outcome],
        detail=retried.detail,
    )


def _event(record: Record | None) -> parked_pb2.ParkedEvent | None:
    if record is None:
        return None
    return parked_pb2.ParkedEvent(
        source=record.source,
        bucket=record.bucket,
        generation=record.position.generation,
        number=record.position.number,
        event_id=record.event_id.bytes,
        log_id=record.log.bytes,
        action=record.action,
        occurred_at=timestamp_of(record.occurred_at),
    )


def _token(place: Place) -> str:
    """Where the next page begins. It is no secret and grants nothing."""
    at = microseconds_of(place.parked_at)
    return base64url.encode(frame(at.to_bytes(8, "big"), place.digest, place.reason.encode()))


def _place(token: str) -> Place:
    """Raises InvalidArgument."""
    try:
        at, digest, reason = unframe(base64url.decode(token), count=3)
        parked_at = moment_of(int.from_bytes(at, "big"))
        return Place(parked_at, digest, Reason(reason.decode()))
    except (ValueError, OverflowError):
        raise InvalidArgument("The page token is none.", reason=reason_pb2.REASON_PAGE_TOKEN_INVALID) from None
