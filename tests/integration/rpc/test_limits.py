"""Limit classes, over real mutual TLS, counted in a real Valkey and without it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from libs.cache.client import open_client
from libs.cache.limit import PAUSE, Rate, RateLimit
from libs.events.client import Client
from libs.rpc import interceptor
from libs.rpc.channel import as_user
from libs.rpc.client_details import metadata_of
from libs.rpc.rules import RuleInvalid
from tests.integration.rpc.workspaces import ServerForTests
from tests.support.clock import HeldClock
from tests.support.mutual_tls import CertificatesForTests
from tests.support.tokens import access_token
from tests.support.valkey import ValkeyForTests
from wardenry.errors.error import PermissionDenied, ResourceExhausted, Unauthenticated, WardenryError
from wardenry.errors.v1 import reason_pb2
from wardenry.options.v1 import options_pb2
from wardenry.permissions import Role
from wardenry.tenancy.v1 import workspace_pb2

RESOLVE = workspace_pb2.ResolveWorkspaceRequest(slug="acme")
UPDATE = workspace_pb2.UpdateWorkspaceRequest(name="Acme")
ANOTHER = UUID("0192f0c0-0000-7000-8000-0000000000aa")
#: So slow that nothing is forgotten while a test runs, however busy the machine.
THREE = Rate(calls=3, period=timedelta(hours=1), burst=3)
GOOD, OTHER, ELSEWHERE, MEMBER = (as_user(name) for name in ("good", "other", "elsewhere", "member"))


class Limited(ServerForTests):
    """The server, three calls of STANDARD an hour, and the clock that says when Valkey is asked again."""

    def __init__(self, *, certificates: CertificatesForTests, limit: RateLimit, clock: HeldClock) -> None:
        super().__init__(certificates=certificates, limits={options_pb2.LIMIT_CLASS_STANDARD: limit})
        self.clock = clock
        self.verifier.known |= {
            ("other", "wardenry"): access_token(session=ANOTHER),
            ("elsewhere", "wardenry"): access_token(workspace=ANOTHER),
            ("member", "wardenry"): access_token(role=Role.MEMBER),
        }

    async def update(self, user: tuple[tuple[str, str], ...]) -> type[WardenryError] | None:
        """None for a call that passed, else what it was refused with."""
        try:
            await self.stub().UpdateWorkspace(UPDATE, metadata=user)
        except WardenryError as refusal:
            return type(refusal)
        return None


@pytest.fixture
async def limited(
    valkey: ValkeyForTests, certificates: CertificatesForTests, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Limited]:
    # A Valkey that is there is waited for, however busy the machine.
    monkeypatch.setattr("libs.cache.client.DEADLINE", 60.0)
    clock = HeldClock()
    async with open_client(valkey.url) as client:
        limit = RateLimit(name="tenancy standard", rate=THREE, client=client, clock=clock)
        server = Limited(certificates=certificates, limit=limit, clock=clock)
        async with server.server:
            yield server
        await server.close()


async def test_beyond_the_rate_a_session_is_refused_and_no_other(limited: Limited) -> None:
    assert [await limited.update(GOOD) for _ in range(3)] == [None] * 3
    with pytest.raises(ResourceExhausted) as caught:
        await limited.stub().UpdateWorkspace(UPDATE, metadata=GOOD)
    assert caught.value.reason == reason_pb2.REASON_RATE_LIMITED
    assert caught.value.retry_after is not None
    assert timedelta(minutes=19) < caught.value.retry_after <= timedelta(minutes=20)
    assert len(limited.workspaces.calls) == 3
    assert await limited.update(OTHER) is None
    assert await limited.update(ELSEWHERE) is None


async def test_who_holds_no_token_is_counted_by_network(limited: Limited) -> None:
    stub = limited.stub()

    async def resolve(address: str) -> bool:
        try:
            await stub.ResolveWorkspace(RESOLVE, metadata=metadata_of(Client(address=address)))
        except ResourceExhausted:
            return False
        return True

    assert [await resolve(f"2001:db8::{number}") for number in range(1, 5)] == [True, True, True, False]
    assert await resolve("2001:db8:0:1::1")
    assert await resolve("192.0.2.1")
    assert [await resolve("") for _ in range(4)] == [True, True, True, False]


async def test_processes_count_together(
    limited: Limited, valkey: ValkeyForTests, certificates: CertificatesForTests
) -> None:
    async with open_client(valkey.url) as client:
        limit = RateLimit(name="tenancy standard", rate=THREE, client=client, clock=HeldClock())
        second = Limited(certificates=certificates, limit=limit, clock=HeldClock())
        async with second.server:
            turns = [await server.update(GOOD) for server in (limited, second, limited, second)]
        await second.close()
    assert turns == [None, None, None, ResourceExhausted]


async def test_without_valkey_calls_are_bounded_all_the_same_and_with_it_again_counted_there(
    limited: Limited, valkey: ValkeyForTests
) -> None:
    valkey.stop()
    assert [await limited.update(GOOD) for _ in range(5)] == [None] * 3 + [ResourceExhausted] * 2
    assert await limited.update(OTHER) is None
    valkey.start()
    limited.clock.advance(PAUSE)
    assert [await limited.update(GOOD) for _ in range(5)] == [None] * 3 + [ResourceExhausted] * 2
    async with open_client(valkey.url) as client:
        assert len(await client.keys()) == 1


async def test_what_a_role_does_not_allow_is_counted_and_written_down_no_more_often(limited: Limited) -> None:
    refusals = [await limited.update(MEMBER) for _ in range(5)]
    assert refusals == [PermissionDenied] * 3 + [ResourceExhausted] * 2
    assert len(limited.denied) == 3


async def test_who_is_not_known_uses_up_nothing(limited: Limited) -> None:
    for _ in range(5):
        assert await limited.update(as_user("bad")) is Unauthenticated
        with pytest.raises(PermissionDenied):
            await limited.stub("records").UpdateWorkspace(UPDATE, metadata=GOOD)
    assert await limited.update(GOOD) is None


async def test_a_call_beyond_the_rate_is_refused_before_any_message(limited: Limited) -> None:
    for _ in range(3):
        await limited.update(GOOD)
    call: Any = limited.bare_channel().stream_unary("/wardenry.tenancy.v1.WorkspaceService/UpdateWorkspace")
    async with asyncio.timeout(60):
        assert await call(metadata=GOOD).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_call_that_is_judged_twice_counts_once(limited: Limited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interceptor, "_JUDGED_FOR", 0.0)
    assert [await limited.update(GOOD) for _ in range(4)] == [None] * 3 + [ResourceExhausted]
    assert limited.verifier.asked == 7


async def test_a_token_that_is_taken_away_while_its_call_is_counted_is_refused(
    certificates: CertificatesForTests,
) -> None:
    """A slow Valkey must not stretch the time for which a token counts as good."""
    clock = HeldClock()

    class Slow:
        async def take(self, key: str) -> timedelta | None:
            clock.advance(0.25)
            del server.verifier.known["good", "wardenry"]
            return None

    server = ServerForTests(certificates=certificates, limits={options_pb2.LIMIT_CLASS_STANDARD: Slow()}, clock=clock)
    async with server.server:
        with pytest.raises(Unauthenticated):
            await server.stub().UpdateWorkspace(UPDATE, metadata=GOOD)
    await server.close()
    assert server.workspaces.calls == []


async def test_calls_for_a_service_itself_are_not_counted(limited: Limited) -> None:
    for _ in range(10):
        health: Any = limited.channel().unary_unary("/grpc.health.v1.Health/Check")
        await health(b"")


async def test_an_rpc_whose_calls_nothing_counts_is_not_served(certificates: CertificatesForTests) -> None:
    with pytest.raises(RuleInvalid, match="LIMIT_CLASS_STANDARD, which nothing counts here"):
        ServerForTests(certificates=certificates, limits={})
