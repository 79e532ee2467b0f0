"""Session over the wire: mutual TLS, rules, errors, the feed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from libs.events.client import Client
from libs.events.cursor_service import CursorServicer
from libs.events.cursors import CursorReader
from libs.rpc.channel import as_user, open_channel
from libs.rpc.client_details import metadata_of
from libs.rpc.server import GrpcServer
from libs.telemetry.observer import SilentObserver
from services.session.server.errors import ERRORS
from services.session.server.revocation import RevocationHandlers
from services.session.server.session import SessionHandlers
from services.session.server.token import TokenHandlers
from tests.support.events import eventually
from tests.support.limits import UNLIMITED
from tests.support.mutual_tls import CertificatesForTests
from tests.support.session import DEVICE, SessionForTests
from wardenry.channels import open_channel as open_bare_channel
from wardenry.clock import SystemClock
from wardenry.errors.error import Aborted, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, WardenryError
from wardenry.events.v1 import cursor_pb2, cursor_pb2_grpc
from wardenry.feed import Feed
from wardenry.keys import parse_jwks
from wardenry.revocations import RevocationSet
from wardenry.session.v1 import (
    revocation_pb2,
    revocation_pb2_grpc,
    session_pb2,
    session_pb2_grpc,
    token_pb2,
    token_pb2_grpc,
)

BROWSER = metadata_of(
    Client(address="198.51.100.7", agent="Mozilla/5.0 (Windows NT 10.0; rv:145.0) Firefox/145.0", country="DE")
)


@dataclass
class Wire:
    session: SessionForTests
    channel: Callable[[str], grpc.aio.Channel]
    bare: Callable[[str], grpc.aio.Channel]

    async def sign_in(self) -> token_pb2.TokenPair:
        subject, ticket = self.session.ids.uuid7(), self.session.ids.uuid7().bytes * 2
        self.session.tickets.issue(ticket, subject)
        stub = session_pb2_grpc.SessionServiceStub(self.channel("gateway"))
        response = await stub.CreateSession(
            session_pb2.CreateSessionRequest(
                session_id=str(self.session.ids.uuid7()),
                ticket=ticket,
                browser_binding=bytes(32),
                device_binding=DEVICE,
            ),
            metadata=BROWSER,
        )
        return response.tokens


@pytest.fixture
async def wire(session: SessionForTests, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wire]:
    certificates = CertificatesForTests(directory=tmp_path_factory.mktemp("pki"))
    server = GrpcServer(
        listen="127.0.0.1:0",
        tls=certificates.of("session"),
        errors=ERRORS,
        verifier=session.verifier,
        clock=session.clock,
        observer=SilentObserver(),
        limits=UNLIMITED,
        grace=1.0,
    )
    server.add(
        session_pb2_grpc.add_SessionServiceServicer_to_server,
        SessionHandlers(
            create=session.create, listing=session.listing, end=session.end, end_subject=session.end_subject
        ),
    )
    server.add(
        token_pb2_grpc.add_TokenServiceServicer_to_server,
        TokenHandlers(
            create_grant=session.create_grant,
            refresh=session.refresh,
            exchange=session.exchange,
            introspect=session.introspect,
            keys=session.keys,
            audience="wardenry",
        ),
    )
    server.add(revocation_pb2_grpc.add_RevocationServiceServicer_to_server, RevocationHandlers(fanout=session.fanout))
    cursors = CursorReader(name="session", database=session.runtime)
    server.add(cursor_pb2_grpc.add_CursorServiceServicer_to_server, CursorServicer(cursors=cursors))
    channels: dict[tuple[str, bool], grpc.aio.Channel] = {}

    def channel(peer: str, *, bare: bool = False) -> grpc.aio.Channel:
        if (peer, bare) not in channels:
            target, tls = f"127.0.0.1:{server.port}", certificates.of(peer)
            channels[peer, bare] = (
                open_bare_channel(target=target, peer="session", tls=tls)
                if bare
                else open_channel(target=target, peer="session", tls=tls, observer=SilentObserver())
            )
        return channels[peer, bare]

    async with server:
        yield Wire(session=session, channel=channel, bare=lambda peer: channel(peer, bare=True))
        for each in channels.values():
            await each.close()


async def test_a_person_signs_in_refreshes_looks_and_signs_out(wire: Wire) -> None:
    tokens = await wire.sign_in()
    gateway = wire.channel("gateway")
    token_service = token_pb2_grpc.TokenServiceStub(gateway)
    sessions = session_pb2_grpc.SessionServiceStub(gateway)
    refresh = token_pb2.RefreshRequest(refresh_token=tokens.refresh_token, device_binding=DEVICE)
    tokens = (await token_service.Refresh(refresh, metadata=BROWSER)).tokens
    user = (*BROWSER, *as_user(tokens.access_token))
    (listed,) = (await sessions.ListSessions(session_pb2.ListSessionsRequest(), metadata=user)).sessions
    assert (listed.device, listed.ip_address, listed.country) == ("Firefox on Windows", "198.51.100.7", "DE")
    assert listed.current
    unknown = session_pb2.RevokeSessionRequest(session_id=str(wire.session.ids.uuid7()))
    with pytest.raises(NotFound):
        await sessions.RevokeSession(unknown, metadata=user)
    with pytest.raises(InvalidArgument) as refused:
        await sessions.ListSessions(session_pb2.ListSessionsRequest(page_token="AAAA"), metadata=user)
    assert refused.value.reason_name == "REASON_PAGE_TOKEN_INVALID"
    await sessions.EndSession(session_pb2.EndSessionRequest(), metadata=user)
    with pytest.raises(Unauthenticated) as ended:
        await sessions.ListSessions(session_pb2.ListSessionsRequest(), metadata=user)
    assert ended.value.reason_name == "REASON_TOKEN_REVOKED"


async def test_refusals_of_a_refresh_are_told_apart(wire: Wire) -> None:
    service = token_pb2_grpc.TokenServiceStub(wire.channel("gateway"))
    first = await wire.sign_in()

    async def refresh(token: str) -> str:
        request = token_pb2.RefreshRequest(refresh_token=token, device_binding=DEVICE)
        return (await service.Refresh(request)).tokens.refresh_token

    async def refusal(token: str) -> WardenryError:
        with pytest.raises(WardenryError) as refused:
            await refresh(token)
        return refused.value

    second = await refresh(first.refresh_token)
    for _ in range(3):
        assert await refresh(first.refresh_token) == second
    busy = await refusal(first.refresh_token)
    assert isinstance(busy, Aborted)
    assert busy.reason_name == "REASON_REFRESH_BUSY"
    assert busy.retry_after is not None
    await refresh(second)
    assert (await refusal(first.refresh_token)).reason_name == "REASON_REFRESH_REUSED"
    for token in (first.refresh_token, second, "A" * 103, "x"):
        assert (await refusal(token)).reason_name == "REASON_REFRESH_INVALID"


async def test_a_validator_refuses_from_the_acknowledgement_on(wire: Wire) -> None:
    revocations = RevocationSet(clock=SystemClock())
    stub = revocation_pb2_grpc.RevocationServiceStub(wire.bare("records"))
    feed = Feed(
        name="session",
        watch=stub.WatchRevocations,
        request=lambda tick, applied: revocation_pb2.WatchRevocationsRequest(tick=tick, applied=applied),
        apply=revocations.apply,
        lease=revocations.lease,
    )
    following = asyncio.create_task(feed.run())
    clock = SystemClock()

    async def is_fresh() -> bool:
        return revocations.lease.is_fresh(clock.monotonic())

    try:
        await eventually(is_fresh)
        for _ in range(3):
            tokens = await wire.sign_in()
            read = wire.session.reader.read(tokens.access_token)
            user = (*BROWSER, *as_user(tokens.access_token))
            sessions = session_pb2_grpc.SessionServiceStub(wire.channel("gateway"))
            assert not revocations.refuses(read)
            await sessions.EndSession(session_pb2.EndSessionRequest(), metadata=user)
            # Or it says itself that its lease is stale, and asks.
            assert revocations.refuses(read) or not revocations.lease.is_fresh(clock.monotonic())
            await eventually(is_fresh)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_stream_begins_with_what_was_revoked_before(wire: Wire) -> None:
    tokens = await wire.sign_in()
    subject = wire.session.reader.read(tokens.access_token).subject
    await wire.session.end_subject(subject, epoch=4, keep=None)
    stub = revocation_pb2_grpc.RevocationServiceStub(wire.bare("records"))
    stream = stub.WatchRevocations()
    await stream.write(revocation_pb2.WatchRevocationsRequest(tick=7))
    first: Any = await stream.read()
    assert first.snapshot
    assert first.complete
    assert [each.subject_epoch.epoch for each in first.revocations] == [4]
    following: Any = first
    while following.echo != 7:
        following = await stream.read()
        assert not following.snapshot
    stream.cancel()


async def test_each_rpc_has_its_callers(wire: Wire) -> None:
    sessions = session_pb2_grpc.SessionServiceStub
    end_subject = session_pb2.EndSubjectRequest(subject_id=str(wire.session.ids.uuid7()), epoch=2)
    await sessions(wire.channel("identity")).EndSubject(end_subject)
    for peer in ("gateway", "audit", "records"):
        with pytest.raises(PermissionDenied):
            await sessions(wire.channel(peer)).EndSubject(end_subject)
    request = token_pb2.RefreshRequest(refresh_token="x", device_binding=DEVICE)
    with pytest.raises(PermissionDenied):
        await token_pb2_grpc.TokenServiceStub(wire.channel("records")).Refresh(request)
    with pytest.raises(Unauthenticated):
        await sessions(wire.channel("gateway")).ListSessions(session_pb2.ListSessionsRequest())


async def test_keys_and_verdicts_are_for_everybody_of_the_deployment(wire: Wire) -> None:
    tokens = await wire.sign_in()
    service = token_pb2_grpc.TokenServiceStub(wire.channel("records"))
    keys = parse_jwks((await service.GetKeys(token_pb2.GetKeysRequest())).jwks)
    assert len(keys) == 2  # the current one, and the next
    verdict = await service.Introspect(token_pb2.IntrospectRequest(token=tokens.access_token))
    assert (verdict.active, verdict.session_id, list(verdict.audience)) == (True, tokens.session_id, ["wardenry"])
    assert await service.Introspect(
        token_pb2.IntrospectRequest(token=tokens.access_token + "A")
    ) == token_pb2.IntrospectResponse(active=False)


async def test_a_source_sees_its_own_cursors_only(wire: Wire) -> None:
    cursors = cursor_pb2_grpc.CursorServiceStub(wire.channel("identity"))
    assert (await cursors.ListCursors(cursor_pb2.ListCursorsRequest(source="identity"))).cursors == []
    with pytest.raises(PermissionDenied):
        await cursors.ListCursors(cursor_pb2.ListCursorsRequest(source="tenancy"))
