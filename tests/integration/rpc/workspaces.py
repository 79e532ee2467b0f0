"""The server that the tests of this directory call."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from libs.rpc.call import Call, call_of
from libs.rpc.channel import open_channel
from libs.rpc.errors import ErrorRow, ErrorTable
from libs.rpc.limits import Limits
from libs.rpc.server import GrpcServer
from libs.telemetry import trace_context
from libs.telemetry.observer import SILENT, Observer
from tests.support.limits import UNLIMITED
from tests.support.mutual_tls import CertificatesForTests
from tests.support.tokens import access_token
from wardenry.channels import open_channel as open_bare_channel
from wardenry.clock import Clock, SystemClock
from wardenry.errors.error import Unauthenticated
from wardenry.errors.v1 import reason_pb2
from wardenry.session.v1 import revocation_pb2, revocation_pb2_grpc
from wardenry.tenancy.v1 import workspace_pb2, workspace_pb2_grpc
from wardenry.tokens import AccessToken


class SlugTaken(Exception):
    """An error of the test's domain."""


class Unforeseen(Exception):
    """An error that no table knows."""


ERRORS: ErrorTable = {
    SlugTaken: ErrorRow(
        code=grpc.StatusCode.ALREADY_EXISTS, reason=reason_pb2.REASON_ALREADY_EXISTS, text="This name is taken."
    )
}


class VerifierForTests:
    """Knows the tokens that it was given, each for one audience."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], AccessToken] = {("good", "wardenry"): access_token()}
        self.asked = 0

    async def verify(self, token: str, *, audience: str) -> AccessToken:
        self.asked += 1
        try:
            return self.known[token, audience]
        except KeyError:
            raise Unauthenticated("The access token is not good.") from None


class WorkspaceHandlers(workspace_pb2_grpc.WorkspaceServiceServicer):
    """Remembers who called, and does what the test says."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.traces: list[str] = []
        self.failure: Exception | None = None
        self.delay = 0.0

    async def _remember(self, context: Any) -> None:
        self.calls.append(call_of(context))
        self.traces.append(trace_context.current_traceparent() or "")
        await asyncio.sleep(self.delay)
        if self.failure is not None:
            raise self.failure

    async def CreateWorkspace(
        self, request: workspace_pb2.CreateWorkspaceRequest, context: Any
    ) -> workspace_pb2.CreateWorkspaceResponse:
        await self._remember(context)
        return workspace_pb2.CreateWorkspaceResponse()

    async def UpdateWorkspace(
        self, request: workspace_pb2.UpdateWorkspaceRequest, context: Any
    ) -> workspace_pb2.UpdateWorkspaceResponse:
        await self._remember(context)
        return workspace_pb2.UpdateWorkspaceResponse()

    async def ResolveWorkspace(
        self, request: workspace_pb2.ResolveWorkspaceRequest, context: Any
    ) -> workspace_pb2.ResolveWorkspaceResponse:
        await self._remember(context)
        return workspace_pb2.ResolveWorkspaceResponse(workspace_id="x", name=request.slug)


class RevocationHandlers(revocation_pb2_grpc.RevocationServiceServicer):
    """Echoes every tick."""

    async def WatchRevocations(
        self, request_iterator: AsyncIterator[revocation_pb2.WatchRevocationsRequest], context: Any
    ) -> AsyncIterator[revocation_pb2.WatchRevocationsResponse]:
        async for request in request_iterator:
            yield revocation_pb2.WatchRevocationsResponse(echo=request.tick, complete=True)


class ServerForTests:
    """The server, its parts, and its callers."""

    def __init__(
        self,
        *,
        certificates: CertificatesForTests,
        observer: Observer = SILENT,
        limits: Limits = UNLIMITED,
        clock: Clock | None = None,
        grace: float = 1.0,
    ) -> None:
        """`grace`: seconds that calls under way have when the server drains."""
        self.certificates = certificates
        self.observer = observer
        self.verifier = VerifierForTests()
        self.workspaces = WorkspaceHandlers()
        self.denied: list[tuple[Call, str]] = []
        self._channels: list[grpc.aio.Channel] = []
        self.server = GrpcServer(
            listen="127.0.0.1:0",
            tls=certificates.of("tenancy"),
            errors=ERRORS,
            verifier=self.verifier,
            clock=clock or SystemClock(),
            observer=observer,
            limits=limits,
            trace_ratio=1.0,
            on_denied=self._on_denied,
            reflection=True,
            grace=grace,
        )
        self.server.add(workspace_pb2_grpc.add_WorkspaceServiceServicer_to_server, self.workspaces)
        self.server.add(revocation_pb2_grpc.add_RevocationServiceServicer_to_server, RevocationHandlers())

    async def _on_denied(self, call: Call, rpc: str) -> None:
        self.denied.append((call, rpc))

    def channel(self, caller: str = "gateway", *, peer: str = "tenancy", **names: Any) -> grpc.aio.Channel:
        """A channel of ours, from a service of this name."""
        channel = open_channel(
            target=f"127.0.0.1:{self.server.port}",
            peer=peer,
            tls=self.certificates.of(caller, **names),
            observer=self.observer,
        )
        self._channels.append(channel)
        return channel

    def bare_channel(self) -> grpc.aio.Channel:
        """A channel of the SDK's, as products have them: it says nothing of traces."""
        channel = open_bare_channel(
            target=f"127.0.0.1:{self.server.port}", peer="tenancy", tls=self.certificates.of("gateway")
        )
        self._channels.append(channel)
        return channel

    def stub(self, caller: str = "gateway", **names: Any) -> "workspace_pb2_grpc.WorkspaceServiceAsyncStub":
        return workspace_pb2_grpc.WorkspaceServiceStub(self.channel(caller, **names))

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()
