"""A relay asks a consumer over mutual TLS how far it has come."""

from collections.abc import AsyncIterator

import pytest

from libs.events.cursor_service import CursorServicer
from libs.events.cursors import CursorReader
from libs.events.position import Position
from libs.outbox.bucket import bucket_of
from libs.outbox.cursor_client import GrpcCursorClient
from libs.outbox.cursors import CursorsUnavailable
from libs.rpc.channel import open_channel
from libs.rpc.server import GrpcServer
from libs.telemetry.observer import SilentObserver
from tests.support.events import LOG, OTHER_LOG, SOURCE, EventPath, event_path, record
from tests.support.mutual_tls import CertificatesForTests
from tests.support.ports import free_port
from tests.support.postgres import ServiceDatabases
from wardenry.clock import SystemClock
from wardenry.errors.error import PermissionDenied, Unauthenticated
from wardenry.events.v1 import cursor_pb2, cursor_pb2_grpc
from wardenry.tokens import AccessToken


class NobodysVerifier:
    async def verify(self, token: str, *, audience: str) -> AccessToken:
        raise Unauthenticated("Nobody calls this service for a user.")


@pytest.fixture
async def path(service_database: ServiceDatabases) -> AsyncIterator[EventPath]:
    async with event_path(service_database, "127.0.0.1:1") as made:
        yield made


@pytest.fixture
async def port(path: EventPath, certificates: CertificatesForTests) -> AsyncIterator[int]:
    server = GrpcServer(
        listen="127.0.0.1:0",
        tls=certificates.of("audit"),
        errors={},
        verifier=NobodysVerifier(),
        clock=SystemClock(),
        observer=SilentObserver(),
        grace=0.5,
    )
    cursors = CursorReader(name="audit", database=path.taking)
    server.add(cursor_pb2_grpc.add_CursorServiceServicer_to_server, CursorServicer(cursors=cursors))
    async with server:
        yield server.port


async def test_a_source_learns_the_cursors_of_its_own_buckets(
    path: EventPath, port: int, certificates: CertificatesForTests
) -> None:
    await path.intake().take([record(0, b"a"), record(1, b"b"), record(1, b"ahead of a gap", log=OTHER_LOG)])
    async with open_channel(
        target=f"127.0.0.1:{port}", peer="audit", tls=certificates.of("identity"), observer=SilentObserver()
    ) as channel:
        client = GrpcCursorClient(name="audit", channel=channel)
        assert await client.list_cursors(SOURCE) == {bucket_of(LOG): Position(1, 2)}


async def test_a_source_learns_nothing_of_another_one(port: int, certificates: CertificatesForTests) -> None:
    async with open_channel(
        target=f"127.0.0.1:{port}", peer="audit", tls=certificates.of("session"), observer=SilentObserver()
    ) as channel:
        stub: cursor_pb2_grpc.CursorServiceAsyncStub = cursor_pb2_grpc.CursorServiceStub(channel)
        with pytest.raises(PermissionDenied):
            await stub.ListCursors(cursor_pb2.ListCursorsRequest(source=SOURCE))
        with pytest.raises(CursorsUnavailable):
            await GrpcCursorClient(name="audit", channel=channel).list_cursors(SOURCE)


async def test_a_consumer_that_is_down_is_unavailable(certificates: CertificatesForTests) -> None:
    async with open_channel(
        target=f"127.0.0.1:{free_port()}", peer="audit", tls=certificates.of("identity"), observer=SilentObserver()
    ) as channel:
        with pytest.raises(CursorsUnavailable):
            await GrpcCursorClient(name="audit", channel=channel, timeout=0.5).list_cursors(SOURCE)
