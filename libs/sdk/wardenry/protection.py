"""Protects a product's service in a few lines:

async with Wardenry.open(service="records", issuer=…, session=…, tenancy=…, audit=…, tls=…) as wardenry:
    interceptor = wardenry.interceptor({"/records.v1.Records/Create": "record.write"})   # a gRPC server's
    application = wardenry.application(routes, {"POST /records": "record.write"})        # an ASGI application
    await wardenry.records.record(caller_of(context), …)                                 # into the workspace's log
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

import grpc

from wardenry.asgi import Application, ProtectedApplication
from wardenry.channels import open_channel
from wardenry.clock import SystemClock
from wardenry.credentials import TlsFiles
from wardenry.interceptor import ProtectingInterceptor
from wardenry.record_client import RecordClient
from wardenry.verification import follow
from wardenry.verifier import TokenVerifier


class Wardenry:
    """The identity backbone, as one service of a product sees it."""

    def __init__(self, *, service: str, verifier: TokenVerifier, records: RecordClient) -> None:
        self._service = service
        self.verifier = verifier
        self.records = records

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, service: str, issuer: str, session: str, tenancy: str, audit: str, tls: TlsFiles
    ) -> AsyncIterator[Self]:
        """Follow the feeds while the block runs.

        `service` is this service's name in its certificate, which tokens must have as audience; `issuer` the https
        origin of
        the gateway; `session`, `tenancy`, `audit` where those are, host:port. None of them has to run yet.
        Raises OSError when a TLS file cannot be read.
        """
        async with AsyncExitStack() as stack:
            to_session, to_tenancy, to_audit = [
                await stack.enter_async_context(open_channel(target=target, peer=peer, tls=tls))
                for peer, target in (("session", session), ("tenancy", tenancy), ("audit", audit))
            ]
            verifier = await stack.enter_async_context(
                follow(issuer=issuer, session=to_session, tenancy=to_tenancy, clock=SystemClock())
            )
            yield cls(service=service, verifier=verifier, records=RecordClient(channel=to_audit))

    def interceptor(
        self, permissions: Mapping[str, str], *, public: Collection[str] = ()
    ) -> grpc.aio.ServerInterceptor:
        """For `grpc.aio.server(interceptors=[…])`: the permission that each method needs. Other methods are refused."""
        return ProtectingInterceptor(
            verifier=self.verifier, audience=self._service, permissions=permissions, public=public
        )

    def application(
        self, application: Application, permissions: Mapping[str, str], *, public: Collection[str] = ()
    ) -> ProtectedApplication:
        """ASGI middleware: the permission that each request needs, as "POST /records/{id}". Others are refused."""
        return ProtectedApplication(
            application, verifier=self.verifier, audience=self._service, permissions=permissions, public=public
        )
