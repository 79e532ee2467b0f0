"""StatusService, as every service serves it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.events.parked_records import ParkedReader
from libs.events.position import Position
from libs.outbox.backlog import Backlog, OutboxReader
from libs.outbox.cursors import CursorClient, CursorsUnavailable
from libs.service.databases import Databases
from wardenry.clock import Clock
from wardenry.status.v1 import status_pb2, status_pb2_grpc
from wardenry.timestamp import timestamp_of

_DOWN = (DatabaseUnavailable, DatabaseRefused)


class StatusHandlers(status_pb2_grpc.StatusServiceServicer):
    def __init__(self, service: str, *, databases: Databases, consumers: Sequence[CursorClient], clock: Clock) -> None:
        """`consumers` are all who take in the events of `service`, as its relay has them."""
        self._service = service
        self._outbox = OutboxReader(database=databases.relay)
        self._parked = ParkedReader(database=databases.runtime)
        self._consumers = consumers
        self._clock = clock
        # Counting may take a while: however often it is asked for, one is under way.
        self._one_at_a_time = asyncio.Lock()

    async def GetStatus(  # noqa: N802 - the contract's name
        self, request: status_pb2.GetStatusRequest, context: Any
    ) -> status_pb2.GetStatusResponse:
        received_at = self._clock.now()
        async with self._one_at_a_time:
            outbox, parking = await asyncio.gather(self._look_at_outbox(), self._look_at_parked())
        return status_pb2.GetStatusResponse(
            received_at=timestamp_of(received_at),
            outbox=outbox,
            parking=parking,
            answered_at=timestamp_of(self._clock.now()),
        )

    async def _look_at_outbox(self) -> status_pb2.Outbox | None:
        """None while the database does not answer."""
        answers = await asyncio.gather(*map(self._cursors, self._consumers))
        cursors = {consumer.name: answer for consumer, answer in zip(self._consumers, answers, strict=True)}
        try:
            unnumbered, backlogs = await self._outbox.look(cursors)
        except _DOWN:
            return None
        return status_pb2.Outbox(
            unnumbered=unnumbered.events,
            oldest_unnumbered_at=timestamp_of(unnumbered.oldest_at) if unnumbered.oldest_at else None,
            backlogs=[_message(backlog) for backlog in backlogs],
        )

    async def _cursors(self, consumer: CursorClient) -> Mapping[int, Position] | None:
        try:
            return await consumer.list_cursors(self._service)
        except (CursorsUnavailable, *_DOWN):
            return None

    async def _look_at_parked(self) -> status_pb2.Parking | None:
        """None while the database does not answer."""
        try:
            parked = await self._parked.count()
        except _DOWN:
            return None
        return status_pb2.Parking(
            records=[
                status_pb2.ParkedRecords(
                    reason=each.reason,
                    records=each.records,
                    first_at=timestamp_of(each.first_at),
                    last_at=timestamp_of(each.last_at),
                )
                for each in parked
            ]
        )


def _message(backlog: Backlog) -> status_pb2.Backlog:
    return status_pb2.Backlog(
        consumer=backlog.consumer,
        events=backlog.events,
        oldest_at=timestamp_of(backlog.oldest_at) if backlog.oldest_at else None,
        ahead=backlog.ahead,
    )
