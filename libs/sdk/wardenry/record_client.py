"""Publishes what people did to a product's records into their workspace's audit log."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import grpc

from wardenry.audit.v1 import record_pb2, record_pb2_grpc
from wardenry.callers import Caller
from wardenry.errors.error import DeadlineExceeded, Unavailable
from wardenry.errors.status import from_rpc_error

#: Seconds for one attempt.
DEADLINE = 3.0
#: Attempts; repeating an event_id is harmless, so an answer that was lost is no reason to lose the record.
ATTEMPTS = 3
PAUSE = 0.2


class RecordClient:
    """Writes to RecordService as this service, on behalf of its caller."""

    def __init__(self, *, channel: grpc.aio.Channel) -> None:
        self._stub = record_pb2_grpc.RecordServiceStub(channel)

    async def record(
        self,
        caller: Caller,
        *,
        event_id: UUID,
        action: str,
        kind: str,
        record_id: str,
        occurred_at: datetime | None = None,
        details: Mapping[str, str] | None = None,
        client_address: str = "",
        client_agent: str = "",
    ) -> None:
        """Record that the caller did this. When it returns, the entry will be in the log, exactly once.

        `event_id` is a UUIDv7 of yours, one for each thing that happened, kept when you try again. `action` is
        "record.created", "record.updated" or "record.deleted"; `kind` the noun of what it was done to ("invoice"),
        `record_id` which one. Nothing personal goes into `details`; `client_address` and `client_agent` are sealed.
        Raises WardenryError: InvalidArgument (REASON_ACTION_NOT_ALLOWED), Unauthenticated, AlreadyExists, Unavailable.
        """
        request = record_pb2.RecordRequest(
            event_id=str(event_id),
            action=action,
            record_kind=kind,
            record_id=record_id,
            details=dict(details or {}),
            client_address=client_address,
            client_agent=client_agent,
        )
        if occurred_at is not None:
            request.occurred_at.FromDatetime(occurred_at)
        metadata = (("authorization", f"Bearer {caller.bearer}"),)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._stub.Record(request, metadata=metadata, timeout=DEADLINE)
                return
            except grpc.aio.AioRpcError as error:
                refusal = from_rpc_error(error)
                if attempt == ATTEMPTS or not isinstance(refusal, Unavailable | DeadlineExceeded):
                    raise refusal from error
            await asyncio.sleep(PAUSE * attempt)
