"""RevocationService: the feed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from libs.feed.fanout import Fanout, Stream, Update
from services.session.domain.revocation import Revocation
from wardenry.session.v1 import revocation_pb2, revocation_pb2_grpc


class RevocationHandlers(revocation_pb2_grpc.RevocationServiceServicer):
    def __init__(self, *, fanout: Fanout[Revocation]) -> None:
        self._fanout = fanout

    async def WatchRevocations(
        self, requests: AsyncIterator[revocation_pb2.WatchRevocationsRequest], context: Any
    ) -> AsyncIterator[revocation_pb2.WatchRevocationsResponse]:
        with self._fanout.stream() as stream:
            ticks = asyncio.create_task(_take_ticks(requests, stream))
            try:
                async for update in stream:
                    yield _response(update)
            finally:
                ticks.cancel()
                with suppress(asyncio.CancelledError):
                    await ticks


async def _take_ticks(
    requests: AsyncIterator[revocation_pb2.WatchRevocationsRequest], stream: Stream[Revocation]
) -> None:
    try:
        async for request in requests:
            stream.arrived(request.tick, applied=request.applied)
    finally:
        # A client that says no more has gone.
        stream.close()


def _response(update: Update[Revocation]) -> revocation_pb2.WatchRevocationsResponse:
    return revocation_pb2.WatchRevocationsResponse(
        snapshot=update.snapshot,
        revocations=[_revocation(row) for row in update.rows],
        echo=update.echo,
        complete=update.complete,
        number=update.number,
    )


def _revocation(row: Revocation) -> revocation_pb2.Revocation:
    message = revocation_pb2.Revocation()
    if row.session is not None:
        message.session = row.session.bytes
    else:
        message.subject_epoch.subject = row.subject.bytes
        message.subject_epoch.epoch = row.epoch or 0
    message.revoked_at.FromDatetime(row.revoked_at)
    return message
