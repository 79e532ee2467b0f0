"""Calls are spans on both sides, in the trace of whoever called."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.telemetry import trace_context
from tests.integration.rpc.workspaces import ServerForTests, SlugTaken
from tests.support.mutual_tls import CertificatesForTests
from tests.support.spans import KeepingObserver, KeptSpan
from wardenry.errors.error import AlreadyExists
from wardenry.session.v1 import revocation_pb2, revocation_pb2_grpc
from wardenry.tenancy.v1 import workspace_pb2, workspace_pb2_grpc

RESOLVE = workspace_pb2.ResolveWorkspaceRequest(slug="acme")
METHOD = "wardenry.tenancy.v1.WorkspaceService/ResolveWorkspace"


@pytest.fixture
def observer() -> KeepingObserver:
    return KeepingObserver()


@pytest.fixture
async def server(certificates: CertificatesForTests, observer: KeepingObserver) -> AsyncIterator[ServerForTests]:
    """One that samples what begins with it."""
    server = ServerForTests(certificates=certificates, observer=observer)
    async with server.server:
        yield server
    await server.close()


async def on_both_sides(observer: KeepingObserver) -> dict[str, KeptSpan]:
    return {span.kind: span for span in await observer.ended(2)}


async def test_the_answering_side_is_inside_the_calling_one(server: ServerForTests, observer: KeepingObserver) -> None:
    entered = trace_context.enter(here := trace_context.new_trace(ratio=1.0))
    await server.stub().ResolveWorkspace(RESOLVE)
    trace_context.leave(entered)
    spans = await on_both_sides(observer)
    assert {span.name for span in spans.values()} == {METHOD}
    assert {span.trace_id for span in spans.values()} == {here.trace_id}
    assert (spans["CLIENT"].parent_id, spans["SERVER"].parent_id) == (here.span_id, spans["CLIENT"].span_id)
    assert spans["CLIENT"].values["server.address"] == "tenancy"
    # The handler ran inside of it.
    assert f"{spans['SERVER'].span_id:016x}" in server.workspaces.traces[0]


async def test_a_refusal_has_its_status_on_both_sides(server: ServerForTests, observer: KeepingObserver) -> None:
    server.workspaces.failure = SlugTaken()
    entered = trace_context.enter(trace_context.new_trace(ratio=1.0))
    with pytest.raises(AlreadyExists):
        await server.stub().ResolveWorkspace(RESOLVE)
    trace_context.leave(entered)
    spans = await on_both_sides(observer)
    assert {span.values["rpc.response.status_code"] for span in spans.values()} == {"ALREADY_EXISTS"}
    assert (spans["CLIENT"].failed, spans["SERVER"].failed) == (True, False)


async def test_a_caller_that_does_not_record_is_followed(server: ServerForTests, observer: KeepingObserver) -> None:
    entered = trace_context.enter(trace_context.new_trace(ratio=0.0))
    await server.stub().ResolveWorkspace(RESOLVE)
    trace_context.leave(entered)
    # Nor does what our services do on their own begin a trace.
    await server.stub().ResolveWorkspace(RESOLVE)
    assert observer.kept == []
    assert [series.count for series in observer.series("rpc.server.call.duration")] == [2]


async def test_a_call_of_a_product_that_names_no_trace_begins_one(
    server: ServerForTests, observer: KeepingObserver
) -> None:
    await workspace_pb2_grpc.WorkspaceServiceStub(server.bare_channel()).ResolveWorkspace(RESOLVE)
    assert [(span.kind, span.parent_id) for span in await observer.ended(1)] == [("SERVER", 0)]


async def test_a_stream_is_a_span_until_its_reader_leaves(server: ServerForTests, observer: KeepingObserver) -> None:
    entered = trace_context.enter(here := trace_context.new_trace(ratio=1.0))
    health: Any = health_pb2_grpc.HealthStub(server.channel())
    stream = health.Watch(health_pb2.HealthCheckRequest())
    assert await anext(aiter(stream)) is not None
    assert observer.kept == []
    stream.cancel()
    with pytest.raises(asyncio.CancelledError):
        await anext(aiter(stream))
    trace_context.leave(entered)
    span = (await on_both_sides(observer))["CLIENT"]
    assert (span.name, span.parent_id) == ("grpc.health.v1.Health/Watch", here.span_id)
    assert span.values["rpc.response.status_code"] == "CANCELLED"


async def test_health_checks_and_endless_streams_begin_no_trace(
    server: ServerForTests, observer: KeepingObserver
) -> None:
    channel = server.bare_channel()
    health: Any = health_pb2_grpc.HealthStub(channel)
    await health.Check(health_pb2.HealthCheckRequest())
    watch = revocation_pb2_grpc.RevocationServiceStub(channel).WatchRevocations()
    await watch.write(revocation_pb2.WatchRevocationsRequest(tick=7))
    await watch.read()
    await watch.done_writing()
    assert await watch.code() is not None
    assert observer.kept == []
    methods = {series.attributes["rpc.method"] for series in observer.series("rpc.server.call.duration")}  # type: ignore[index] # never without
    assert methods == {"grpc.health.v1.Health/Check"}
