"""What an operator sees of parked records, and how they are taken in again, over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from libs.db.context import Context
from libs.db.transaction import Transaction
from libs.events import intake as intake_module
from libs.events.intake import Handler
from libs.events.parked import Parked, Parking, Reason
from libs.events.parked_records import ParkedReader
from libs.events.parked_service import ParkedRecordServicer
from libs.events.record import Record
from libs.events.retry import ParkedRetry
from libs.rpc.channel import open_channel
from libs.rpc.server import GrpcServer
from libs.telemetry.observer import SILENT
from tests.support.audit_service import KnownTokens
from tests.support.clock import HeldClock
from tests.support.events import (
    LOG,
    MAC_KEY,
    OTHER_LOG,
    SOURCE,
    EventPath,
    event_path,
    raw_of,
    record,
    retry_log,
    write_down,
)
from tests.support.mutual_tls import CertificatesForTests
from tests.support.postgres import ServiceDatabases
from wardenry.clock import SystemClock
from wardenry.errors.error import InvalidArgument, PermissionDenied
from wardenry.events.v1 import parked_pb2, parked_pb2_grpc

if TYPE_CHECKING:  # exists in the typing stubs alone
    from wardenry.events.v1.parked_pb2_grpc import ParkedRecordServiceAsyncStub

CONSUMER = "audit"
SECRET = b"what nobody is shown"


class Served:
    """A consumer with a broken past, served as in production."""

    def __init__(self, directory: Path, path: EventPath) -> None:
        self.path = path
        self.certificates = CertificatesForTests(directory=directory / "pki")
        self.handler: Handler = write_down

    @asynccontextmanager
    async def stub(self, peer: str = "operator") -> AsyncIterator["ParkedRecordServiceAsyncStub"]:
        keys = {SOURCE: [MAC_KEY]}
        server = GrpcServer(
            listen="127.0.0.1:0",
            tls=self.certificates.of(CONSUMER),
            errors={},
            verifier=KnownTokens(),
            clock=SystemClock(),
            observer=SILENT,
            grace=0.5,
        )
        handlers = ParkedRecordServicer(
            reader=ParkedReader(database=self.path.taking, mac_keys=keys),
            retry=ParkedRetry(database=self.path.taking, handler=self.handler, mac_keys=keys, log=retry_log()),
        )
        server.add(parked_pb2_grpc.add_ParkedRecordServiceServicer_to_server, handlers)
        tls = self.certificates.of(peer)
        async with (
            server,
            open_channel(target=f"127.0.0.1:{server.port}", peer=CONSUMER, tls=tls, observer=SILENT) as channel,
        ):
            yield parked_pb2_grpc.ParkedRecordServiceStub(channel)

    async def fail(self, *records: Record) -> None:
        """Sets them aside as a handler with a defect does."""

        async def defect(tx: Transaction, records: Sequence[Record]) -> None:
            raise ArithmeticError

        await self.path.intake(defect).take(records)

    async def park(self, *parked: Parked) -> None:
        async with self.path.taking.transaction(Context()) as tx:
            await Parking(clock=HeldClock()).park(tx, parked)


@pytest.fixture
async def served(
    service_database: ServiceDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    monkeypatch.setattr(intake_module, "_ATTEMPT_SECONDS", 0.0)
    async with event_path(service_database, "127.0.0.1:1") as path:
        yield Served(tmp_path, path)


async def test_events_are_named_and_nothing_that_they_say_is_shown(served: Served) -> None:
    made = record(0, SECRET)
    await served.fail(made)
    forged = record(1, SECRET, log=OTHER_LOG)
    await served.park(Parked(raw=raw_of(forged, key=b"x" * 32), reason=Reason.FORGED, detail="the MAC"))
    async with served.stub() as stub:
        answer = await stub.ListParkedRecords(parked_pb2.ListParkedRecordsRequest())
    by_reason = {each.reason: each for each in answer.records}
    failed = by_reason["failed"]
    event = failed.event
    assert (event.source, event.bucket, event.generation, event.number) == (SOURCE, made.bucket, 1, 0)
    assert (event.event_id, event.log_id, event.action) == (made.event_id.bytes, LOG.bytes, "user.login")
    assert event.occurred_at.ToDatetime(tzinfo=UTC) == made.occurred_at
    assert failed.detail == f"identity bucket {made.bucket} number 1.0: ArithmeticError"
    assert (failed.topic, len(failed.digest)) == ("wardenry.identity.v1", 32)
    assert failed.size > len(SECRET)
    # Of what anybody may have sent not even the ids are repeated.
    assert not by_reason["forged"].HasField("event")
    written = answer.SerializeToString()
    assert SECRET not in written
    assert forged.event_id.bytes not in written


async def test_a_list_has_pages_and_one_reason_if_wanted(served: Served) -> None:
    await served.fail(*(record(n, b"%d" % n) for n in range(5)))
    raw = record(9, b"9").raw
    assert raw is not None
    await served.park(*(Parked(raw=raw, reason=reason, detail="") for reason in (Reason.CONFLICT, Reason.REJECTED)))
    async with served.stub() as stub:
        seen, token = [], ""
        while True:
            request = parked_pb2.ListParkedRecordsRequest(page_size=3, page_token=token)
            answer = await stub.ListParkedRecords(request)
            seen += [(each.reason, each.event.number) for each in answer.records]
            token = answer.next_page_token
            if not token:
                break
        assert sorted(seen) == [("conflict", 9), *(("failed", n) for n in range(5)), ("rejected", 9)]
        one = await stub.ListParkedRecords(parked_pb2.ListParkedRecordsRequest(reason="rejected"))
        assert [each.reason for each in one.records] == ["rejected"]
        for wrong in ("x", "AAAA", "AAAACAAAAAA="):
            with pytest.raises(InvalidArgument) as refusal:
                await stub.ListParkedRecords(parked_pb2.ListParkedRecordsRequest(page_token=wrong))
            assert refusal.value.reason_name == "REASON_PAGE_TOKEN_INVALID"


async def test_what_becomes_of_each_is_told_as_soon_as_it_is_known(served: Served) -> None:
    await served.fail(*(record(n, b"%d" % n) for n in range(3)))
    third = asyncio.Event()

    async def handler(tx: Transaction, records: Sequence[Record]) -> None:
        if records[0].envelope == b"2":
            await third.wait()
        if records[0].envelope == b"1":
            raise ArithmeticError
        await write_down(tx, records)

    served.handler = handler
    told = []
    async with served.stub() as stub:
        async for each in stub.RetryParkedRecords(parked_pb2.RetryParkedRecordsRequest()):
            told.append((each.event.number, each.outcome, each.detail))
            if len(told) == 2:
                assert await served.path.taken() == [b"0"]
                third.set()
    assert told == [
        (0, parked_pb2.RETRY_OUTCOME_TAKEN, ""),
        (1, parked_pb2.RETRY_OUTCOME_FAILED, "ArithmeticError"),
        (2, parked_pb2.RETRY_OUTCOME_TAKEN, ""),
    ]
    assert await served.path.parked() == [("failed", b"1")]
    # Who called is told as its certificate names it.
    assert [(each.action, each.client) for each in await served.path.told()] == [
        ("retry.requested", "operator"),
        *[("event.retried", "operator")] * 2,
    ]


@pytest.mark.parametrize("peer", ["gateway", "identity", "audit", "records"])
async def test_nobody_but_the_operator_may(served: Served, peer: str) -> None:
    await served.fail(record(0, b"0"))
    async with served.stub(peer) as stub:
        with pytest.raises(PermissionDenied):
            await stub.ListParkedRecords(parked_pb2.ListParkedRecordsRequest())
        with pytest.raises(PermissionDenied):
            async for _ in stub.RetryParkedRecords(parked_pb2.RetryParkedRecordsRequest()):
                pass
    assert await served.path.parked() == [("failed", b"0")]
