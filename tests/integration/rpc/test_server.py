"""The interceptor's checks, over real mutual TLS."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from libs.events.client import Client
from libs.rpc import deadline, interceptor
from libs.rpc.channel import as_user
from libs.rpc.client_details import metadata_of
from libs.rpc.rules import RuleInvalid
from libs.telemetry import trace_context
from tests.integration.rpc.workspaces import ServerForTests, SlugTaken, Unforeseen
from tests.support.mutual_tls import CertificatesForTests
from tests.support.tokens import access_token
from wardenry.errors.error import (
    AlreadyExists,
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from wardenry.errors.v1 import reason_pb2
from wardenry.permissions import Role
from wardenry.session.v1 import revocation_pb2, revocation_pb2_grpc
from wardenry.tenancy.v1 import workspace_pb2

RESOLVE = workspace_pb2.ResolveWorkspaceRequest(slug="acme")
UPDATE = workspace_pb2.UpdateWorkspaceRequest(name="Acme")


async def test_a_call_passes_and_the_handler_knows_its_caller(server: ServerForTests) -> None:
    answer = await server.stub().ResolveWorkspace(RESOLVE)
    assert answer.name == "acme"
    (call,) = server.workspaces.calls
    assert (call.peer, call.token, call.client.address) == ("gateway", None, "")
    with pytest.raises(LookupError):
        _ = call.user


async def test_a_peer_that_the_rule_does_not_name_is_refused(server: ServerForTests) -> None:
    with pytest.raises(PermissionDenied) as caught:
        await server.stub("records").ResolveWorkspace(RESOLVE)
    assert caught.value.reason == reason_pb2.REASON_PEER_NOT_ALLOWED
    assert server.workspaces.calls == []


@pytest.mark.parametrize("names", [["gateway", "records"], []])
async def test_a_certificate_has_exactly_one_name(server: ServerForTests, names: list[str]) -> None:
    with pytest.raises(PermissionDenied):
        await server.stub("several", names=names).ResolveWorkspace(RESOLVE)


async def test_a_client_without_a_certificate_gets_no_connection(server: ServerForTests) -> None:
    root = server.certificates.of("gateway").ca_file.read_bytes()
    options = [("grpc.ssl_target_name_override", "tenancy")]
    credentials = grpc.ssl_channel_credentials(root_certificates=root)
    async with grpc.aio.secure_channel(f"127.0.0.1:{server.server.port}", credentials, options=options) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(health_pb2.HealthCheckRequest(), timeout=60)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_the_client_takes_no_other_name_than_its_peers(server: ServerForTests) -> None:
    with pytest.raises(Unavailable):
        await server.stub(peer="identity").ResolveWorkspace(RESOLVE, timeout=60)


@pytest.mark.parametrize("method", ["/wardenry.tenancy.v1.WorkspaceService/Drop", "/other.v1.Service/Call", ""])
async def test_what_no_contract_names_is_not_served(server: ServerForTests, method: str) -> None:
    call: Any = server.bare_channel().unary_unary(method)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_handler_without_a_rule_is_not_taken(server: ServerForTests) -> None:
    def register(_servicer: object, server: Any) -> None:
        handler: Any = grpc.unary_unary_rpc_method_handler(lambda request, context: None)
        server.add_registered_method_handlers("wardenry.tenancy.v1.WorkspaceService", {"Drop": handler})

    with pytest.raises(RuleInvalid):
        server.server.add(register, None)


async def test_a_user_call_needs_a_token(server: ServerForTests) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await server.stub().UpdateWorkspace(UPDATE)
    assert caught.value.reason == reason_pb2.REASON_TOKEN_INVALID
    with pytest.raises(Unauthenticated):
        await server.stub().UpdateWorkspace(UPDATE, metadata=as_user("bad"))
    await server.stub().UpdateWorkspace(UPDATE, metadata=as_user("good"))
    (call,) = server.workspaces.calls
    assert call.user == server.verifier.known["good", "wardenry"]
    assert call.bearer == "good"


async def test_a_role_without_the_permission_is_refused_and_told_to_the_service(server: ServerForTests) -> None:
    server.verifier.known["member", "wardenry"] = access_token(role=Role.MEMBER)
    with pytest.raises(PermissionDenied) as caught:
        await server.stub().UpdateWorkspace(UPDATE, metadata=as_user("member"))
    assert caught.value.reason == reason_pb2.REASON_PERMISSION_DENIED
    assert caught.value.metadata == {"permission": "workspace.update"}
    ((call, rpc),) = server.denied
    assert call.user.role is Role.MEMBER
    assert rpc == "/wardenry.tenancy.v1.WorkspaceService/UpdateWorkspace"


async def test_a_token_without_workspace_is_refused_where_one_is_needed(server: ServerForTests) -> None:
    server.verifier.known["nowhere", "wardenry"] = access_token(workspace=None, role=None, membership_epoch=None)
    with pytest.raises(PermissionDenied) as caught:
        await server.stub().UpdateWorkspace(UPDATE, metadata=as_user("nowhere"))
    assert caught.value.reason == reason_pb2.REASON_WORKSPACE_REQUIRED
    assert server.denied == []


async def test_fields_are_explained_to_the_entitled_only(server: ServerForTests) -> None:
    broken = workspace_pb2.UpdateWorkspaceRequest(name="")
    with pytest.raises(Unauthenticated):
        await server.stub().UpdateWorkspace(broken)
    with pytest.raises(InvalidArgument) as caught:
        await server.stub().UpdateWorkspace(broken, metadata=as_user("good"))
    assert [violation.field for violation in caught.value.violations] == ["name"]
    assert server.workspaces.calls == []


async def test_what_cannot_be_parsed_is_refused_in_our_words_and_to_the_entitled_only(server: ServerForTests) -> None:
    resolve = "/wardenry.tenancy.v1.WorkspaceService/ResolveWorkspace"
    stranger: Any = server.channel("records").unary_unary(resolve)
    with pytest.raises(PermissionDenied):
        await stranger(b"\xff")
    entitled: Any = server.channel().unary_unary(resolve)
    with pytest.raises(InvalidArgument, match=r"^The request cannot be parsed\.$"):
        await entitled(b"\xff")
    watch: Any = server.channel().stream_stream("/wardenry.session.v1.RevocationService/WatchRevocations")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch(iter([b"\xff"])).read()
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert server.workspaces.calls == []


async def test_errors_keep_their_type_over_the_wire_and_defects_say_nothing(server: ServerForTests) -> None:
    server.workspaces.failure = SlugTaken("acme of somebody else")
    with pytest.raises(AlreadyExists) as taken:
        await server.stub().ResolveWorkspace(RESOLVE)
    assert (taken.value.message, taken.value.remote) == ("This name is taken.", True)
    server.workspaces.failure = Unforeseen("secret text")
    with pytest.raises(Internal) as defect:
        await server.stub().ResolveWorkspace(RESOLVE)
    assert "secret" not in defect.value.message
    assert len(defect.value.metadata["trace_id"]) == 32


async def test_another_services_refusal_is_not_ours(server: ServerForTests) -> None:
    server.workspaces.failure = PermissionDenied("of another service", remote=True)
    with pytest.raises(Internal):
        await server.stub().ResolveWorkspace(RESOLVE)
    server.workspaces.failure = DeadlineExceeded("of another service", remote=True)
    with pytest.raises(Unavailable) as caught:
        await server.stub().ResolveWorkspace(RESOLVE)
    assert caught.value.retry_after == timedelta(seconds=1)


async def test_a_handler_is_ended_at_its_deadline(server: ServerForTests) -> None:
    server.workspaces.delay = 120
    with pytest.raises(DeadlineExceeded):
        async with asyncio.timeout(60):
            await server.stub().ResolveWorkspace(RESOLVE, timeout=0.2)


async def test_a_callers_trace_goes_on(server: ServerForTests) -> None:
    here = trace_context.parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert here is not None
    entered = trace_context.enter(here)
    await server.stub().ResolveWorkspace(RESOLVE)
    trace_context.leave(entered)
    (there,) = map(trace_context.parse, server.workspaces.traces)
    assert there is not None
    assert (there.trace_id, there.sampled) == (here.trace_id, True)
    assert there.span_id != here.span_id


async def test_health_answers_and_streams_end_when_the_server_drains(certificates: CertificatesForTests) -> None:
    # So long that nothing ends because it is over.
    server = ServerForTests(certificates=certificates, grace=240.0)
    await server.server.start()
    channel = server.channel("records")
    health: Any = health_pb2_grpc.HealthStub(channel)
    assert (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING
    ready = health_pb2.HealthCheckRequest(service="ready")
    assert (await health.Check(ready)).status == health_pb2.HealthCheckResponse.NOT_SERVING
    await server.server.ready(True)
    assert (await health.Check(ready)).status == health_pb2.HealthCheckResponse.SERVING
    watch = revocation_pb2_grpc.RevocationServiceStub(channel).WatchRevocations()
    await watch.write(revocation_pb2.WatchRevocationsRequest(tick=7))
    answer = await watch.read()
    assert isinstance(answer, revocation_pb2.WatchRevocationsResponse)
    assert answer.echo == 7
    async with asyncio.timeout(60):
        await server.server.drain()
    with pytest.raises(grpc.aio.AioRpcError):
        await watch.read()
    await server.close()


async def test_reflection_is_the_operators(server: ServerForTests) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(server.channel("operator"))  # type: ignore[arg-type] # aio
    listed = [response async for response in stub.ServerReflectionInfo(iter([request]))]
    assert "wardenry.tenancy.v1.WorkspaceService" in str(listed)
    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel("gateway"))  # type: ignore[arg-type] # aio
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        _ = [response async for response in stub.ServerReflectionInfo(iter([request]))]
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_the_gateway_tells_about_its_client(server: ServerForTests) -> None:
    details = Client(address="2001:db8::1", agent="Mozilla/5.0 (ü)", country="DE", device="0f" * 16)
    await server.stub().ResolveWorkspace(RESOLVE, metadata=metadata_of(details))
    (call,) = server.workspaces.calls
    assert (call.client.address, call.client.agent, call.client.country) == ("2001:db8::1", "Mozilla/5.0 (ü)", "DE")
    assert call.client.device == "0f" * 16


@pytest.mark.parametrize("method", ["ResolveWorkspace", "UpdateWorkspace"])
async def test_a_call_whose_message_never_comes_ends_at_its_deadline(
    server: ServerForTests, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """It would keep its place for as long as the caller stays."""
    monkeypatch.setattr(deadline, "DEFAULT", 0.1)
    call: Any = server.bare_channel().stream_unary(f"/wardenry.tenancy.v1.WorkspaceService/{method}")
    silent = call(metadata=as_user("good"))
    async with asyncio.timeout(60):
        assert await silent.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert server.workspaces.calls == []


async def test_a_stream_whose_request_never_comes_ends_too(
    server: ServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "DEFAULT", 0.1)
    call: Any = server.bare_channel().stream_stream("/grpc.health.v1.Health/Watch")
    async with asyncio.timeout(60):
        assert await call().code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_who_may_not_call_is_refused_before_any_message(server: ServerForTests) -> None:
    call: Any = server.bare_channel().stream_unary("/wardenry.tenancy.v1.WorkspaceService/UpdateWorkspace")
    async with asyncio.timeout(60):
        assert await call().code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_that_was_taken_away_while_the_message_was_kept_back_is_refused(
    server: ServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interceptor, "_JUDGED_FOR", 0.0)
    method: Any = server.bare_channel().stream_unary("/wardenry.tenancy.v1.WorkspaceService/UpdateWorkspace")
    call = method(metadata=as_user("good"))
    # What starts the call is its first operation; the caller waits for nothing else.
    await call.wait_for_connection()
    async with asyncio.timeout(60):
        while not server.verifier.asked:  # noqa: ASYNC110 - the server's side
            await asyncio.sleep(0.005)
        del server.verifier.known["good", "wardenry"]
        await call.write(UPDATE.SerializeToString())
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
    assert server.workspaces.calls == []


async def test_a_call_without_a_message_is_refused(server: ServerForTests) -> None:
    call: Any = server.bare_channel().stream_unary("/wardenry.tenancy.v1.WorkspaceService/ResolveWorkspace")
    empty = call()
    await empty.done_writing()
    async with asyncio.timeout(60):
        assert await empty.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert server.workspaces.calls == []
