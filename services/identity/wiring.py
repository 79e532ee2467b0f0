"""The composition root: the one place that names what identity is made of."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from wardenry.clock import Clock, SystemClock
from wardenry.identity.v1.authentication_pb2_grpc import add_AuthenticationServiceServicer_to_server
from wardenry.identity.v1.credential_pb2_grpc import add_CredentialServiceServicer_to_server
from wardenry.identity.v1.registration_pb2_grpc import add_RegistrationServiceServicer_to_server
from wardenry.identity.v1.subject_pb2_grpc import add_SubjectServiceServicer_to_server
from wardenry.identity.v1.ticket_pb2_grpc import add_TicketServiceServicer_to_server
from wardenry.identity.v1.vault_pb2_grpc import add_VaultServiceServicer_to_server
from wardenry.session.v1.session_pb2_grpc import SessionServiceStub
from wardenry.verification import follow

from libs.config.secret import SecretInvalid, read_key, read_text
from libs.crypto.blind_index import BlindIndex
from libs.crypto.keyring import KeyringInvalid, LocalKeyring
from libs.db.errors import DatabaseRefused
from libs.db.pool import Database
from libs.events.envelope import EnvelopeBuilder
from libs.events.mac_keys import MacKeyInvalid, load_mac_key
from libs.events.producer import Producer
from libs.ids import Entropy, Ids, SystemEntropy, Uuid7Ids
from libs.mail.mailer import SmtpMailer
from libs.outbox.cursor_client import GrpcCursorClient
from libs.outbox.relay import Relay
from libs.rpc.channel import open_channel
from libs.rpc.server import GrpcServer
from libs.telemetry.observation import open_observer
from libs.telemetry.observer import Observer
from libs.telemetry.trace_context import current_traceparent
from services.identity.clients.password_hasher import BcryptHasher, calibrated_cost
from services.identity.clients.session import GrpcSessions
from services.identity.commands.authentication import AuthenticatePassword
from services.identity.commands.credential import ChangePassword
from services.identity.commands.data_key import DataKeys
from services.identity.commands.expiry import RemoveExpired
from services.identity.commands.mail import DeliverMail
from services.identity.commands.own_keys import LogKeysInProcess, PersonalDataInProcess
from services.identity.commands.registration import Register, VerifyRegistration
from services.identity.commands.subject import GetContacts, GetSubject
from services.identity.commands.ticket import RedeemTicket
from services.identity.commands.vault import (
    AdoptInvitationKey,
    DestroyKeys,
    EnsurePublicKeys,
    GetReaderKeys,
    GetTagKeys,
)
from services.identity.config import IdentitySettings
from services.identity.jobs.expiry import ExpiryJob
from services.identity.jobs.mail import MailJob
from services.identity.server.authentication import AuthenticationHandlers
from services.identity.server.credential import CredentialHandlers
from services.identity.server.errors import ERRORS
from services.identity.server.registration import RegistrationHandlers
from services.identity.server.subject import SubjectHandlers
from services.identity.server.ticket import TicketHandlers
from services.identity.server.vault import VaultHandlers
from services.identity.store.expiry import StoredExpiry
from services.identity.store.mail import StoredMailQueue
from services.identity.store.unit_of_work import IdentityStore
from services.identity.store.vault import StoredVault

#: Who takes in identity's events: a row leaves the outbox once each of them has it.
_CONSUMERS = ("session", "audit")
_Work = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def serve(settings: IdentitySettings) -> AsyncIterator[None]:
    """Identity, serving while the block runs. What it needs does not have to be there yet.

    Raises SecretInvalid, ListenFailed.
    """
    clock, entropy = SystemClock(), SystemEntropy()
    async with AsyncExitStack() as stack:
        observer = await stack.enter_async_context(
            open_observer(service=settings.service, endpoint=settings.otlp_endpoint, clock=clock)
        )
        peers = {name: await stack.enter_async_context(_peer(settings, name, observer)) for name in _PEERS}
        databases = _databases(settings)
        for database in databases.all():
            stack.push_async_callback(database.close)
        hasher = _hasher(settings, entropy)
        stack.callback(hasher.close)
        verifier = await stack.enter_async_context(
            follow(issuer=settings.issuer, session=peers["session"], tenancy=peers["tenancy"], clock=clock)
        )
        server = GrpcServer(
            listen=settings.listen,
            tls=settings.tls,
            errors=ERRORS,
            verifier=verifier,
            clock=clock,
            observer=observer,
            trace_ratio=settings.trace_ratio,
            reflection=settings.reflection,
        )
        ids = Uuid7Ids(clock=clock, entropy=entropy)
        service = _Identity(settings, databases, peers["session"], hasher, clock, ids, entropy)
        service.add_to(server)
        works = (
            functools.partial(_relay, settings, _mac_key(settings), databases, peers, clock),
            MailJob(deliver=service.deliver_mail, clock=clock).run,
            ExpiryJob(remove=service.remove_expired, clock=clock).run,
        )
        await stack.enter_async_context(_beside(_work(databases, server, works)))
        # The last to begin is the first to end: calls are drained before anything that they use is closed.
        await stack.enter_async_context(server)
        yield


class _Identity:
    """The commands, and the handlers that call them."""

    def __init__(
        self,
        settings: IdentitySettings,
        databases: "_Databases",
        session: grpc.aio.Channel,
        hasher: BcryptHasher,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        blind_index = BlindIndex(root_key=read_key(settings.blind_index_key_file), service=settings.service)
        store = IdentityStore(
            database=databases.identity,
            builder=EnvelopeBuilder(source=settings.service, entropy=entropy),
            traceparent=current_traceparent,
            clock=clock,
        )
        vault = StoredVault(database=databases.vault)
        data_keys = DataKeys(
            store=vault, provider=_keyring(settings.keyring_file, entropy), clock=clock, ids=ids, entropy=entropy
        )
        public_keys, tag_keys = EnsurePublicKeys(data_keys=data_keys), GetTagKeys(data_keys=data_keys)
        personal_data = PersonalDataInProcess(data_keys=data_keys, entropy=entropy)
        log_keys = LogKeysInProcess(public_keys=public_keys, tag_keys=tag_keys)
        get_contacts = GetContacts(store=store, personal_data=personal_data)
        get_subject = GetSubject(get_contacts=get_contacts)
        self._registration = RegistrationHandlers(
            register=Register(
                store=store,
                personal_data=personal_data,
                hasher=hasher,
                blind_index=blind_index,
                clock=clock,
                ids=ids,
                entropy=entropy,
                origin=settings.issuer,
            ),
            verify=VerifyRegistration(
                store=store,
                personal_data=personal_data,
                log_keys=log_keys,
                blind_index=blind_index,
                clock=clock,
                ids=ids,
                entropy=entropy,
            ),
        )
        self._authentication = AuthenticationHandlers(
            authenticate_password=AuthenticatePassword(
                store=store,
                log_keys=log_keys,
                hasher=hasher,
                blind_index=blind_index,
                clock=clock,
                ids=ids,
                entropy=entropy,
            )
        )
        self._credential = CredentialHandlers(
            change_password=ChangePassword(
                store=store,
                get_subject=get_subject,
                log_keys=log_keys,
                hasher=hasher,
                sessions=GrpcSessions(stub=SessionServiceStub(session)),
                blind_index=blind_index,
                clock=clock,
                ids=ids,
            )
        )
        self._subject = SubjectHandlers(get_subject=get_subject, get_contacts=get_contacts)
        self._ticket = TicketHandlers(redeem_ticket=RedeemTicket(store=store, clock=clock))
        self._vault = VaultHandlers(
            ensure_public_keys=public_keys,
            get_reader_keys=GetReaderKeys(data_keys=data_keys),
            get_tag_keys=tag_keys,
            adopt_invitation_key=AdoptInvitationKey(store=vault, clock=clock),
            destroy_keys=DestroyKeys(vault=vault, data_keys=data_keys, store=store, clock=clock, ids=ids),
        )
        mailer = SmtpMailer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            sender=settings.smtp_sender,
            start_tls=settings.smtp_start_tls,
            ca_file=settings.smtp_ca_file,
            clock=clock,
            ids=ids,
        )
        queue = StoredMailQueue(database=databases.jobs)
        self.deliver_mail = DeliverMail(queue=queue, personal_data=personal_data, mailer=mailer, clock=clock)
        self.remove_expired = RemoveExpired(expiry=StoredExpiry(database=databases.jobs), clock=clock)

    def add_to(self, server: GrpcServer) -> None:
        server.add(add_RegistrationServiceServicer_to_server, self._registration)
        server.add(add_AuthenticationServiceServicer_to_server, self._authentication)
        server.add(add_CredentialServiceServicer_to_server, self._credential)
        server.add(add_SubjectServiceServicer_to_server, self._subject)
        server.add(add_TicketServiceServicer_to_server, self._ticket)
        server.add(add_VaultServiceServicer_to_server, self._vault)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Databases:
    identity: Database
    relay: Database
    jobs: Database
    vault: Database

    def all(self) -> tuple[Database, ...]:
        return (self.identity, self.relay, self.jobs, self.vault)


def _databases(settings: IdentitySettings) -> _Databases:
    return _Databases(
        identity=Database(
            url=read_text(settings.database_url_file), name="identity", size=settings.database_connections
        ),
        relay=Database(url=read_text(settings.relay_database_url_file), name="identity relay", size=2),
        jobs=Database(url=read_text(settings.jobs_database_url_file), name="identity jobs", size=2),
        vault=Database(
            url=read_text(settings.vault_database_url_file), name="identity vault", size=settings.vault_connections
        ),
    )


_PEERS = ("session", "tenancy", "audit")


@asynccontextmanager
async def _peer(settings: IdentitySettings, name: str, observer: Observer) -> AsyncIterator[grpc.aio.Channel]:
    target: str = getattr(settings, f"{name}_address")
    async with open_channel(target=target, peer=name, tls=settings.tls, observer=observer) as channel:
        yield channel


def _hasher(settings: IdentitySettings, entropy: Entropy) -> BcryptHasher:
    return BcryptHasher(
        pepper=read_key(settings.pepper_file),
        cost=calibrated_cost(target_seconds=settings.password_hash_seconds, cpu_seconds=time.thread_time),
        threads=settings.hashing_threads,
        most_waiting=settings.password_hash_queue,
        entropy=entropy,
    )


def _keyring(path: Path, entropy: Entropy) -> LocalKeyring:
    try:
        return LocalKeyring.load(path, entropy=entropy)
    except KeyringInvalid as error:
        raise SecretInvalid(str(error)) from None


def _mac_key(settings: IdentitySettings) -> bytes:
    try:
        return load_mac_key(settings.mac_keys_directory, settings.service)
    except MacKeyInvalid as error:
        raise SecretInvalid(str(error)) from None


async def _work(databases: _Databases, server: GrpcServer, works: Sequence[_Work]) -> None:
    """Waits for the databases, says that calls may come, and does the rest, until cancelled."""
    try:
        await asyncio.gather(*(database.open() for database in databases.all()))
    except DatabaseRefused as error:
        raise SecretInvalid(f"a database URL of identity cannot be used: {error}") from None
    await server.ready(True)
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work())


async def _relay(
    settings: IdentitySettings,
    mac_key: bytes,
    databases: _Databases,
    peers: Mapping[str, grpc.aio.Channel],
    clock: Clock,
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
            source=settings.service,
            database=databases.relay,
            producer=producer,
            consumers=[GrpcCursorClient(name=name, channel=peers[name]) for name in _CONSUMERS],
            clock=clock,
        ).run()
    finally:
        await producer.close()


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
