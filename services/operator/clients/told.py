"""The services' own word on their clocks and queues."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from libs.controls.refusal import told
from services.operator.clients.deployment import Deployment
from services.operator.domain.ports import Unseen
from services.operator.domain.told import Backlog, Clock, Outbox, Parked, Told
from wardenry.clock import Clock as OurClock
from wardenry.errors.error import WardenryError
from wardenry.status.v1 import status_pb2, status_pb2_grpc

#: Seconds for an answer: while a consumer or the database is down, the service waits for it first.
_PATIENCE = 10.0
#: Bytes of an answer: a service has few consumers, and records are set aside for few reasons.
_LONGEST = 16 * 1024
_NAME = re.compile("[a-z_]{1,32}")


class GrpcTold:
    def __init__(self, *, deployment: Deployment, clock: OurClock) -> None:
        self._deployment = deployment
        self._clock = clock

    async def of(self, service: str) -> Told:
        stub = status_pb2_grpc.StatusServiceStub(self._deployment.channel(service))
        asked_at = self._clock.now()
        try:
            answer = await stub.GetStatus(status_pb2.GetStatusRequest(), timeout=_PATIENCE)
        except WardenryError as error:
            raise Unseen(told(error)) from error
        return told_of(answer, asked_at=asked_at, answered_at=self._clock.now())


def told_of(answer: status_pb2.GetStatusResponse, *, asked_at: datetime, answered_at: datetime) -> Told:
    """What an answer says. Raises Unseen for one that no service of ours gives: who answers may be anybody."""
    try:
        if answer.ByteSize() > _LONGEST:
            raise ValueError
        received, ready = _time(answer.received_at), _time(answer.answered_at)
        return Told(
            # It received the question after we had asked, and answered before we had the answer.
            clock=Clock(least=ready - answered_at, most=received - asked_at),
            outbox=_outbox(answer.outbox, ready) if answer.HasField("outbox") else None,
            parked=_parked(answer.parking, ready) if answer.HasField("parking") else None,
        )
    except ValueError:
        raise Unseen("it answers what no service of ours does") from None


def _outbox(outbox: status_pb2.Outbox, now: datetime) -> Outbox:
    return Outbox(
        unnumbered=outbox.unnumbered,
        oldest_unnumbered=_since(outbox.oldest_unnumbered_at, now) if outbox.HasField("oldest_unnumbered_at") else None,
        backlogs=[
            Backlog(
                consumer=_name(each.consumer),
                events=each.events if each.HasField("events") else None,
                oldest=_since(each.oldest_at, now) if each.HasField("oldest_at") else None,
                ahead=each.ahead,
            )
            for each in outbox.backlogs
        ],
    )


def _parked(parking: status_pb2.Parking, now: datetime) -> Sequence[Parked]:
    return [
        Parked(
            reason=_name(each.reason),
            records=each.records,
            first_at=_time(each.first_at),
            last_at=_time(each.last_at),
            last=_since(each.last_at, now),
        )
        for each in parking.records
    ]


def _since(stamp: Timestamp, now: datetime) -> timedelta:
    return max(timedelta(0), now - _time(stamp))


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError
    return text


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
