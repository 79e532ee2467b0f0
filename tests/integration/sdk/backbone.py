"""Session, tenancy and audit as a product's service sees them, in the test's hands: their contracts over real mutual
TLS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import grpc

from tests.support.issuer import Issuer
from tests.support.mutual_tls import CertificatesForTests
from wardenry.audit.v1 import record_pb2, record_pb2_grpc
from wardenry.events.v1 import envelope_pb2
from wardenry.session.v1 import revocation_pb2, revocation_pb2_grpc, token_pb2, token_pb2_grpc
from wardenry.tenancy.v1 import membership_pb2, membership_pb2_grpc

#: Seconds between two reads of the feeds, as in the services.
READ = 0.2


class Tokens(token_pb2_grpc.TokenServiceServicer):
    def __init__(self, *, issuer: Issuer) -> None:
        self._issuer = issuer
        self.active = True
        self.introspected = 0

    async def GetKeys(self, request: Any, context: Any) -> token_pb2.GetKeysResponse:
        return token_pb2.GetKeysResponse(jwks=json.dumps({"keys": [self._issuer.jwk]}))

    async def Introspect(self, request: Any, context: Any) -> token_pb2.IntrospectResponse:
        self.introspected += 1
        return token_pb2.IntrospectResponse(active=self.active)


class Feeds(revocation_pb2_grpc.RevocationServiceServicer, membership_pb2_grpc.MembershipServiceServicer):
    """Both feeds, with a read every 200 ms."""

    def __init__(self) -> None:
        self.revoked: list[UUID] = []
        self.changed: list[envelope_pb2.MembershipChanged] = []
        self.answering = True

    async def WatchRevocations(
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[revocation_pb2.WatchRevocationsResponse]:
        async for first, echo in self._reads(request_iterator):
            revocations = [revocation_pb2.Revocation(session=session.bytes) for session in self.revoked]
            yield revocation_pb2.WatchRevocationsResponse(
                snapshot=first, revocations=revocations, echo=echo, complete=True
            )

    async def WatchMemberships(
        self, request_iterator: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[membership_pb2.WatchMembershipsResponse]:
        async for first, echo in self._reads(request_iterator):
            yield membership_pb2.WatchMembershipsResponse(
                snapshot=first, changes=self.changed, echo=echo, complete=True
            )

    async def _reads(self, ticks: AsyncIterator[Any]) -> AsyncIterator[tuple[bool, int]]:
        last = 0

        async def listen() -> None:
            nonlocal last
            async for message in ticks:
                last = message.tick

        listening = asyncio.create_task(listen())
        try:
            first = True
            while True:
                await asyncio.sleep(READ)
                if self.answering:
                    yield first, last
                    first = False
        finally:
            listening.cancel()


class Log(record_pb2_grpc.RecordServiceServicer):
    """Takes records, and can be away for a while."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[record_pb2.RecordRequest, str]] = {}
        self.failures = 0

    async def Record(self, request: record_pb2.RecordRequest, context: Any) -> record_pb2.RecordResponse:
        bearer = dict(context.invocation_metadata())["authorization"]
        self.records.setdefault(request.event_id, (request, bearer))
        if self.failures:
            # Written, and the answer is lost: what a retry must not double.
            self.failures -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        return record_pb2.RecordResponse()


class Backbone:
    """The three, each on an address of its own under its own name."""

    def __init__(self, *, certificates: CertificatesForTests) -> None:
        self.issuer = Issuer()
        self.tokens = Tokens(issuer=self.issuer)
        self.feeds = Feeds()
        self.log = Log()
        self.addresses: dict[str, str] = {}
        self._certificates = certificates

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Backbone"]:
        servers = {name: grpc.aio.server() for name in ("session", "tenancy", "audit")}
        token_pb2_grpc.add_TokenServiceServicer_to_server(self.tokens, servers["session"])
        revocation_pb2_grpc.add_RevocationServiceServicer_to_server(self.feeds, servers["session"])
        membership_pb2_grpc.add_MembershipServiceServicer_to_server(self.feeds, servers["tenancy"])
        record_pb2_grpc.add_RecordServiceServicer_to_server(self.log, servers["audit"])
        for name, server in servers.items():
            port = server.add_secure_port("127.0.0.1:0", self._certificates.of(name).server_credentials())
            self.addresses[name] = f"127.0.0.1:{port}"
            await server.start()
        try:
            yield self
        finally:
            await asyncio.gather(*(server.stop(0) for server in servers.values()))

    def token(self, **claims: Any) -> str:
        """A good token for the example, issued now."""
        now = int(datetime.now(UTC).timestamp())
        return self.issuer.token(**{"aud": ["records"], "iat": now, "exp": now + 600, "auth_time": now, **claims})
