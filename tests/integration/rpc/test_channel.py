"""Channels to peers that are slow to answer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from libs.rpc import channel
from libs.rpc.channel import as_user, open_channel
from libs.telemetry.observer import SilentObserver
from tests.integration.rpc.workspaces import ServerForTests
from tests.support.mutual_tls import CertificatesForTests
from wardenry.errors.error import DeadlineExceeded
from wardenry.tenancy.v1 import workspace_pb2, workspace_pb2_grpc

UPDATE = workspace_pb2.UpdateWorkspaceRequest(name="Acme")


@asynccontextmanager
async def slow_way(port: int, *, seconds: float) -> AsyncIterator[int]:
    """A port that leads to `port`; what is said there first arrives so much later."""
    carrying: set[asyncio.Task[None]] = set()

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while part := await source.read(65536):
                target.write(part)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        there, back = await asyncio.open_connection("127.0.0.1", port)
        carrying.update(asyncio.create_task(carry(*each)) for each in ((reader, back), (there, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*carrying)


async def test_a_peer_that_takes_its_time_for_the_handshake_is_waited_for(server: ServerForTests) -> None:
    """On a busy machine, or far away, it takes longer than the first pause after a failure."""
    async with (
        slow_way(server.server.port, seconds=1.0) as port,
        open_channel(
            target=f"127.0.0.1:{port}",
            peer="tenancy",
            tls=server.certificates.of("gateway"),
            observer=SilentObserver(),
        ) as way,
    ):
        stub: workspace_pb2_grpc.WorkspaceServiceAsyncStub = workspace_pb2_grpc.WorkspaceServiceStub(way)
        # Not one of those that are repeated.
        await stub.UpdateWorkspace(UPDATE, metadata=as_user("good"), timeout=30)


async def test_a_call_without_a_deadline_has_one(
    certificates: CertificatesForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "DEFAULT_DEADLINE", 0.2)

    with socket.create_server(("127.0.0.1", 0)) as nobody:
        async with (
            asyncio.timeout(60),
            open_channel(
                target=f"127.0.0.1:{nobody.getsockname()[1]}",
                peer="tenancy",
                tls=certificates.of("gateway"),
                observer=SilentObserver(),
            ) as way,
        ):
            stub: workspace_pb2_grpc.WorkspaceServiceAsyncStub = workspace_pb2_grpc.WorkspaceServiceStub(way)
            with pytest.raises(DeadlineExceeded, match=r"^The deadline passed\.$"):
                await stub.UpdateWorkspace(UPDATE, metadata=as_user("good"), wait_for_ready=True)
