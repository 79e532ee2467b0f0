"""The composition root: the one place that names what tenancy is made of."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from wardenry.channels import open_channel as open_bare_channel
from wardenry.clock import Clock, SystemClock
from wardenry.identity.v1.subject_pb2_grpc import SubjectServiceStub
from wardenry.identity.v1.vault_pb2_grpc import VaultServiceStub
from wardenry.tenancy.v1 import invitation_pb2, membership_pb2, permission_pb2, workspace_pb2
from wardenry.tenancy.v1.invitation_pb2_grpc import add_InvitationServiceServicer_to_server
from wardenry.tenancy.v1.membership_pb2_grpc import add_MembershipServiceServicer_to_server
from wardenry.tenancy.v1.permission_pb2_grpc import add_PermissionServiceServicer_to_server
from wardenry.tenancy.v1.workspace_pb2_grpc import add_WorkspaceServiceServicer_to_server
from wardenry.verification import follow

from libs.config.secret import SecretInvalid, read_key, read_text
from libs.crypto.blind_index import BlindIndex
from libs.crypto.vault import VaultClient
from libs.db.errors import DatabaseRefused
from libs.db.pool import Database
from libs.events.envelope import EnvelopeBuilder
from libs.events.mac_keys import MacKeyInvalid, load_mac_key
from libs.events.producer import Producer
from libs.feed.fanout import Fanout
from libs.feed.reader import FeedReader
from libs.ids import Entropy, SystemEntropy, Uuid7Ids
from libs.mail.mailer import SmtpMailer
from libs.outbox.cursor_client import GrpcCursorClient
from libs.outbox.relay import Relay
from libs.rpc.channel import open_channel
from libs.rpc.rules import rules_of
from libs.rpc.server import GrpcServer
from libs.telemetry.observation import open_observer
from services.tenancy.clients.address_index import BlindAddressIndex
from services.tenancy.clients.identity import GrpcContacts
from services.tenancy.clients.vault import VaultKeys
from services.tenancy.commands.backlog import BacklogCommands
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.commands.denial import RecordDenial
from services.tenancy.commands.invitation import InvitationCommands
from services.tenancy.commands.membership import MembershipCommands
from services.tenancy.commands.permission import PermissionCommands
from services.tenancy.commands.workspace import WorkspaceCommands
from services.tenancy.config import TenancySettings
from services.tenancy.domain.membership import ChangedMembership
from services.tenancy.jobs.periodic import Periodic
from services.tenancy.server.denial import Denials
from services.tenancy.server.errors import ERRORS
from services.tenancy.server.invitation import InvitationHandlers
from services.tenancy.server.membership import MembershipHandlers
from services.tenancy.server.permission import PermissionHandlers
from services.tenancy.server.workspace import WorkspaceHandlers
from services.tenancy.store.backlog import PostgresBacklog
from services.tenancy.store.membership_change import MembershipChanges
from services.tenancy.store.unit_of_work import PostgresStore

#: Seconds between looks at what is due. Commands wake the first two at once.
_MAIL_SECONDS = 5.0
_ADOPTION_SECONDS = 30.0
_PRUNE_SECONDS = 60.0
_Work = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def serve(settings: TenancySettings) -> AsyncIterator[None]:
    """Tenancy, serving while the block runs. What it needs does not have to be there yet.

    Raises SecretInvalid, ListenFailed.
    """
    clock, entropy = SystemClock(), SystemEntropy()
    async with AsyncExitStack() as stack:
        observer = await stack.enter_async_context(
            open_observer(service=settings.service, endpoint=settings.otlp_endpoint, clock=clock)
        )
        databases = _databases(settings)
        for database in databases.all():
            stack.push_async_callback(database.close)
        identity = await stack.enter_async_context(
            open_channel(target=settings.identity_address, peer="identity", tls=settings.tls, observer=observer)
        )
        session, audit, itself = [
            await stack.enter_async_context(open_bare_channel(target=target, peer=peer, tls=settings.tls))
            for peer, target in (
                ("session", settings.session_address),
                ("audit", settings.audit_address),
                ("tenancy", settings.tenancy_address),
            )
        ]
        verifier = await stack.enter_async_context(
            follow(issuer=settings.issuer, session=session, tenancy=itself, clock=clock)
        )
        service = _Tenancy(settings, databases, identity, clock, entropy)
        server = GrpcServer(
            listen=settings.listen,
            tls=settings.tls,
            errors=ERRORS,
            verifier=verifier,
            clock=clock,
            observer=observer,
            trace_ratio=settings.trace_ratio,
            reflection=settings.reflection,
            on_denied=service.denials.refused,
        )
        service.add_to(server)
        # Audit alone takes in tenancy's events; session follows the feed.
        consumers = [GrpcCursorClient(name="audit", channel=audit)]
        relay = functools.partial(_relay, settings, _mac_key(settings), databases.relay, consumers, clock)
        works: list[_Work] = [*service.works(), relay]
        await stack.enter_async_context(_beside(_work(databases, server, works)))
        # The last to begin is the first to end: calls are drained before anything that they use is closed.
        await stack.enter_async_context(server)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class _Databases:
    runtime: Database
    relay: Database
    jobs: Database

    def all(self) -> tuple[Database, ...]:
        return (self.runtime, self.relay, self.jobs)


class _Tenancy:
    """The commands, what calls them, and what runs beside them."""

    def __init__(
        self,
        settings: TenancySettings,
        databases: _Databases,
        identity: grpc.aio.Channel,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        ids = Uuid7Ids(clock=clock, entropy=entropy)
        store = PostgresStore(
            database=databases.runtime, envelopes=EnvelopeBuilder(source=settings.service, entropy=entropy)
        )
        vault = VaultKeys(client=VaultClient(stub=VaultServiceStub(identity), clock=clock), entropy=entropy)
        contacts = GrpcContacts(stub=SubjectServiceStub(identity))
        recorder = Recorder(ids=ids, clock=clock, vault=vault)
        self.denials = Denials(
            record=RecordDenial(store=store, recorder=recorder), permissions=_permissions_by_method()
        )
        backlog = BacklogCommands(
            backlog=PostgresBacklog(database=databases.jobs),
            vault=vault,
            mailer=SmtpMailer(
                host=settings.smtp_host,
                port=settings.smtp_port,
                sender=settings.smtp_sender,
                start_tls=settings.smtp_start_tls,
                ca_file=settings.smtp_ca_file,
                clock=clock,
                ids=ids,
            ),
            entropy=entropy,
            clock=clock,
            origin=settings.issuer,
        )
        mailing = Periodic(name="mailing invitations", work=backlog.mail_invitations, seconds=_MAIL_SECONDS)
        adoption = Periodic(name="adopting keys", work=backlog.adopt_keys, seconds=_ADOPTION_SECONDS)
        pruning = Periodic(name="deleting what has aged", work=backlog.prune, seconds=_PRUNE_SECONDS)
        changes: Fanout[ChangedMembership] = Fanout()
        feed = FeedReader(source=MembershipChanges(database=databases.jobs), fanout=changes, clock=clock)
        self._works = (mailing.run, adoption.run, pruning.run, feed.run)
        self._workspaces = WorkspaceHandlers(
            workspaces=WorkspaceCommands(
                store=store, vault=vault, contacts=contacts, recorder=recorder, region=settings.home_region
            ),
            denials=self.denials,
        )
        self._memberships = MembershipHandlers(
            memberships=MembershipCommands(store=store, vault=vault, recorder=recorder),
            denials=self.denials,
            changes=changes,
        )
        self._invitations = InvitationHandlers(
            invitations=InvitationCommands(
                store=store,
                vault=vault,
                contacts=contacts,
                index=BlindAddressIndex(
                    BlindIndex(root_key=read_key(settings.blind_index_key_file), service=settings.service)
                ),
                recorder=recorder,
                clock=clock,
                mail_waits=mailing.wake,
                adoption_waits=adoption.wake,
            ),
            denials=self.denials,
        )
        self._permissions = PermissionHandlers(permissions=PermissionCommands(store=store))

    def works(self) -> Sequence[_Work]:
        """What runs beside the calls, once the databases are open."""
        return self._works

    def add_to(self, server: GrpcServer) -> None:
        server.add(add_WorkspaceServiceServicer_to_server, self._workspaces)
        server.add(add_MembershipServiceServicer_to_server, self._memberships)
        server.add(add_InvitationServiceServicer_to_server, self._invitations)
        server.add(add_PermissionServiceServicer_to_server, self._permissions)


def _permissions_by_method() -> dict[str, str]:
    contracts = (workspace_pb2, membership_pb2, invitation_pb2, permission_pb2)
    services = [service for each in contracts for service in each.DESCRIPTOR.services_by_name.values()]
    return {method: rule.permission for method, rule in rules_of(services).items()}


def _databases(settings: TenancySettings) -> _Databases:
    return _Databases(
        runtime=Database(url=read_text(settings.database_url_file), name="tenancy", size=settings.database_connections),
        relay=Database(url=read_text(settings.relay_database_url_file), name="tenancy relay", size=2),
        jobs=Database(url=read_text(settings.jobs_database_url_file), name="tenancy jobs", size=3),
    )


def _mac_key(settings: TenancySettings) -> bytes:
    try:
        return load_mac_key(settings.mac_keys_directory, settings.service)
    except MacKeyInvalid as error:
        raise SecretInvalid(str(error)) from None


async def _relay(
    settings: TenancySettings, mac_key: bytes, database: Database, consumers: Sequence[GrpcCursorClient], clock: Clock
) -> None:
    producer = Producer(
        bootstrap=settings.kafka_bootstrap,
        source=settings.service,
        mac_key=mac_key,
        clock=clock,
        idempotence=settings.kafka_idempotence,
    )
    try:
        await producer.open()
        await Relay(
            source=settings.service, database=database, producer=producer, consumers=consumers, clock=clock
        ).run()
    finally:
        await producer.close()


async def _work(databases: _Databases, server: GrpcServer, works: Sequence[_Work]) -> None:
    """Waits for the databases, says that calls may come, and does the rest, until cancelled."""
    try:
        await asyncio.gather(*(database.open() for database in databases.all()))
    except DatabaseRefused as error:
        raise SecretInvalid(f"a database URL of tenancy cannot be used: {error}") from None
    await server.ready(True)
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work())


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs it beside the block. If it fails the block ends, with its error."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            yield
            task.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
