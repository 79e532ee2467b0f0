"""Audit as it runs: settings from files, mutual TLS, PostgreSQL, a broker. Tokens and vault are the test's."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from libs.events.record import Record
from libs.rpc.channel import as_user, open_channel
from libs.rpc.server import GrpcServer
from libs.service.databases import Databases
from libs.service.parts import open_parts
from libs.service.serving import serving
from libs.telemetry.observer import SilentObserver
from services.audit.config import AuditSettings
from services.audit.wiring import Audit
from tests.support.audit import ORIGIN
from tests.support.events import MAC_KEY, raw_of
from tests.support.mutual_tls import CertificatesForTests
from tests.support.postgres import ServiceDatabase
from tests.support.vault import SmallVault
from wardenry.audit.v1 import entry_pb2, entry_pb2_grpc, log_pb2_grpc, record_pb2_grpc
from wardenry.clock import SystemClock
from wardenry.errors.error import Unauthenticated
from wardenry.identity.v1 import vault_pb2_grpc
from wardenry.keys import KeySet
from wardenry.memberships import MembershipSet
from wardenry.revocations import RevocationSet
from wardenry.tokens import AccessToken
from wardenry.verifier import TokenVerifier

SOURCES = ("identity", "session", "tenancy", "audit", "datarights")


class KnownTokens(TokenVerifier):
    """Knows the tokens that it was given, each for one audience, and no key that anything else is signed with."""

    def __init__(self) -> None:
        clock = SystemClock()
        super().__init__(
            issuer="",
            keys=KeySet(fetch=_no_keys, clock=clock),
            revocations=RevocationSet(clock=clock),
            memberships=MembershipSet(clock=clock),
            introspect=_unknown,
            clock=clock,
        )
        self.known: dict[str, AccessToken] = {}

    async def verify(self, token: str, *, audience: str) -> AccessToken:
        claims = self.known.get(token)
        if claims is None or audience not in claims.audience:
            raise Unauthenticated("The access token is not good.")
        return claims


async def _no_keys() -> str:
    return '{"keys": []}'


async def _unknown(token: str) -> bool:
    return False


class AuditService:
    """A running audit, and ways to call it."""

    def __init__(self, *, port: int, certificates: CertificatesForTests, tokens: KnownTokens, bootstrap: str) -> None:
        self._port = port
        self._certificates = certificates
        self._bootstrap = bootstrap
        self._channels = AsyncExitStack()
        self.tokens = tokens
        self.vault = SmallVault()

    async def close(self) -> None:
        await self._channels.aclose()

    async def channel(self, peer: str = "gateway") -> Any:
        tls = self._certificates.of(peer)
        channel = open_channel(target=f"127.0.0.1:{self._port}", peer="audit", tls=tls, observer=SilentObserver())
        return await self._channels.enter_async_context(channel)

    async def entries(self, peer: str = "gateway") -> "entry_pb2_grpc.EntryServiceAsyncStub":
        stub: entry_pb2_grpc.EntryServiceAsyncStub = entry_pb2_grpc.EntryServiceStub(await self.channel(peer))
        return stub

    async def log(self, peer: str = "gateway") -> "log_pb2_grpc.LogServiceAsyncStub":
        stub: log_pb2_grpc.LogServiceAsyncStub = log_pb2_grpc.LogServiceStub(await self.channel(peer))
        return stub

    async def records(self, peer: str = "records") -> "record_pb2_grpc.RecordServiceAsyncStub":
        stub: record_pb2_grpc.RecordServiceAsyncStub = record_pb2_grpc.RecordServiceStub(await self.channel(peer))
        return stub

    async def listed(self, token: str, **request: Any) -> list[entry_pb2.Entry]:
        """The newest entries of the token's log."""
        stub = await self.entries()
        answer = await stub.ListEntries(entry_pb2.ListEntriesRequest(**request), metadata=as_user(token))
        return list(answer.entries)

    async def publish(self, *records: Record, key: bytes = MAC_KEY) -> None:
        """Puts records of tenancy on its topic."""
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap)
        await producer.start()
        try:
            for record in records:
                raw = raw_of(record, key)
                await producer.send_and_wait(
                    raw.topic, raw.value, key=raw.key, partition=raw.partition, headers=list(raw.headers)
                )
        finally:
            await producer.stop()


@asynccontextmanager
async def audit_service(
    *, database: ServiceDatabase, bootstrap: str, directory: Path, certificates: CertificatesForTests
) -> AsyncIterator[AuditService]:
    tokens, clock = KnownTokens(), SystemClock()
    async with AsyncExitStack() as stack:
        identity = GrpcServer(
            listen="127.0.0.1:0",
            tls=certificates.of("identity"),
            errors={},
            verifier=tokens,
            clock=clock,
            observer=SilentObserver(),
            grace=0.2,
        )
        vault = SmallVault()
        identity.add(vault_pb2_grpc.add_VaultServiceServicer_to_server, vault)
        await stack.enter_async_context(identity)
        settings = audit_settings(
            database=database,
            bootstrap=bootstrap,
            directory=directory,
            certificates=certificates,
            identity=f"127.0.0.1:{identity.port}",
        )
        parts = await stack.enter_async_context(open_parts(settings))
        databases = await stack.enter_async_context(Databases(settings))
        audit = Audit(settings, parts=parts, databases=databases)
        server = audit.server(tokens)
        await stack.enter_async_context(serving(server, databases=databases, works=audit.works))
        service = AuditService(port=server.port, certificates=certificates, tokens=tokens, bootstrap=bootstrap)
        service.vault = vault
        stack.push_async_callback(service.close)
        yield service


def audit_settings(
    *, database: ServiceDatabase, bootstrap: str, directory: Path, certificates: CertificatesForTests, identity: str
) -> AuditSettings:
    keys = directory / "mac-keys"
    keys.mkdir(parents=True)
    for source in SOURCES:
        (keys / f"{source}.key").write_bytes(MAC_KEY)
    (directory / "checkpoint.key").write_bytes(bytes(range(32)))
    for role in ("runtime", "relay", "jobs"):
        (directory / f"{role}.url").write_text(database.url(role))
    tls = certificates.of("audit")
    return AuditSettings(
        tls_ca_file=tls.ca_file,
        tls_cert_file=tls.certificate_file,
        tls_key_file=tls.key_file,
        identity_address=identity,
        kafka_bootstrap=bootstrap,
        mac_keys_directory=keys,
        database_url_file=directory / "runtime.url",
        relay_database_url_file=directory / "relay.url",
        jobs_database_url_file=directory / "jobs.url",
        checkpoint_key_file=directory / "checkpoint.key",
        log_origin=ORIGIN,
        object_store_url=(directory / "objects").as_uri(),
    )
