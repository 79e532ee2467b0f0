"""The composition root: the one place that names what session is made of."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from wardenry.channels import open_channel as open_bare_channel
from wardenry.clock import SystemClock
from wardenry.events.v1 import cursor_pb2_grpc
from wardenry.feed import Feed
from wardenry.identity.v1 import ticket_pb2_grpc, vault_pb2_grpc
from wardenry.revocations import REMEMBERED
from wardenry.session.v1 import revocation_pb2_grpc, session_pb2_grpc, token_pb2_grpc
from wardenry.tenancy.v1 import membership_pb2, membership_pb2_grpc

from libs.config.secret import SecretInvalid, read_text
from libs.crypto.keyring import KeyringInvalid, LocalKeyring
from libs.crypto.vault import VaultClient
from libs.db.errors import DatabaseRefused
from libs.db.pool import Database
from libs.events.consumer import Consumer
from libs.events.cursor_service import CursorServicer
from libs.events.cursors import CursorReader
from libs.events.envelope import EnvelopeBuilder
from libs.events.intake import Intake
from libs.events.mac_keys import MacKeyInvalid, MacKeys, load_mac_key, load_mac_keys
from libs.events.producer import Producer
from libs.feed.fanout import Fanout
from libs.feed.reader import FeedReader
from libs.ids import Entropy, SystemEntropy, Uuid7Ids
from libs.outbox.cursor_client import GrpcCursorClient
from libs.outbox.relay import Relay
from libs.rpc.channel import open_channel
from libs.rpc.server import GrpcServer
from libs.telemetry.observation import open_observer
from libs.telemetry.observer import Observer
from services.session.clients.membership import GrpcMemberships
from services.session.clients.membership_feed import HeardMemberships
from services.session.clients.ticket import GrpcTickets
from services.session.clients.vault import VaultSeals, VaultTagKeys
from services.session.commands.grant import CreateGrant, ExchangeToken
from services.session.commands.introspection import Introspect, Liveness, OwnVerifier, SignedTokens
from services.session.commands.page import PageTokens
from services.session.commands.refresh import Refresh
from services.session.commands.revocation import EndSessions, EndSubject
from services.session.commands.session import GATEWAY_AUDIENCE, CreateSession, ListSessions
from services.session.commands.signing_key import RotateSigningKeys, SigningKeySet
from services.session.commands.standing import Standings
from services.session.commands.token import AccessTokens, TokenIssuer
from services.session.config import SessionSettings
from services.session.consumers.identity import IdentityEvents, subjects_of
from services.session.domain.membership import SessionPolicy
from services.session.domain.refresh_token import RefreshKeys
from services.session.domain.revocation import Revocation
from services.session.jobs.upkeep import Upkeep
from services.session.server.errors import ERRORS
from services.session.server.revocation import RevocationHandlers
from services.session.server.session import SessionHandlers
from services.session.server.token import TokenHandlers
from services.session.store.introspection import PostgresJudge
from services.session.store.past import PostgresPast
from services.session.store.refresh import PostgresRefreshStore
from services.session.store.revocation import RevocationSource
from services.session.store.signing_key import PostgresSigningKeyRotation, PostgresSigningKeys
from services.session.store.unit_of_work import PostgresUnitsOfWork

Work = Callable[[], Coroutine[Any, Any, None]]

_SOURCE = "session"
_PAGE_LABEL = b"wardenry session page token v1"


async def serve(settings: SessionSettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. Raises SecretInvalid, ListenFailed."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        observer = await stack.enter_async_context(
            open_observer(service=_SOURCE, endpoint=settings.otlp_endpoint, clock=clock)
        )
        session = Session(settings=settings, clock=clock, observer=observer)
        await stack.enter_async_context(session.databases())
        await stack.enter_async_context(session.channels())
        server = await stack.enter_async_context(session.server())
        await _work_until(stopping, session.work(server))


class Session:
    """Everything that session is made of, for one process."""

    def __init__(self, *, settings: SessionSettings, clock: SystemClock, observer: Observer) -> None:
        self._settings = settings
        self._clock = clock
        entropy = SystemEntropy()
        ids = Uuid7Ids(clock=clock, entropy=entropy)
        envelopes = EnvelopeBuilder(source=_SOURCE, entropy=entropy)

        self._runtime = _database(settings.database_url_file, size=settings.database_connections)
        self._relay_database = _database(settings.relay_database_url_file, size=4)
        self._jobs = _database(settings.jobs_database_url_file, size=4)
        self._mac_key, self._identity_mac_keys = _mac_keys(settings.mac_keys_directory)

        self._identity = open_channel(
            target=settings.identity_address, peer="identity", tls=settings.tls, observer=observer
        )
        self._tenancy = open_channel(
            target=settings.tenancy_address, peer="tenancy", tls=settings.tls, observer=observer
        )
        self._audit = open_channel(target=settings.audit_address, peer="audit", tls=settings.tls, observer=observer)
        self._watch = open_bare_channel(target=settings.tenancy_address, peer="tenancy", tls=settings.tls)

        token_life = timedelta(seconds=settings.access_token_seconds)
        policy = SessionPolicy(
            idle=timedelta(seconds=settings.idle_seconds), absolute=timedelta(seconds=settings.absolute_seconds)
        )
        refresh_keys = _refresh_keys(settings.refresh_key_file)
        keyring = _keyring(settings.keyring_file, entropy)
        work = PostgresUnitsOfWork(database=self._runtime, ids=ids, envelopes=envelopes)
        vault = VaultClient(stub=vault_pb2_grpc.VaultServiceStub(self._identity), clock=clock)
        seals, tags = VaultSeals(vault=vault, entropy=entropy), VaultTagKeys(vault=vault, clock=clock)

        self._heard = HeardMemberships(clock=clock)
        standings = Standings(
            memberships=GrpcMemberships(stub=membership_pb2_grpc.MembershipServiceStub(self._tenancy)),
            feed=self._heard,
        )
        self._signing_keys = SigningKeySet(keys=PostgresSigningKeys(database=self._runtime), provider=keyring)
        access = AccessTokens(issuer=settings.issuer, keys=self._signing_keys)
        issuer = TokenIssuer(access=access, refresh=refresh_keys, ids=ids, life=token_life)
        reader = SignedTokens(issuer=settings.issuer, keys=self._signing_keys, clock=clock)
        liveness = Liveness(judge=PostgresJudge(database=self._runtime))
        self._verifier = OwnVerifier(reader=reader, liveness=liveness, standings=standings)
        self._fanout: Fanout[Revocation] = Fanout()
        end_subject = EndSubject(work=work, clock=clock, ids=ids)
        self._events = IdentityEvents(end_subject=end_subject, within=work.within)
        self._cursors = CursorReader(name=_SOURCE, database=self._runtime)

        self._session_handlers = SessionHandlers(
            create=CreateSession(
                work=work,
                tickets=GrpcTickets(stub=ticket_pb2_grpc.TicketServiceStub(self._identity)),
                standings=standings,
                seals=seals,
                tags=tags,
                issuer=issuer,
                policy=policy,
                clock=clock,
                ids=ids,
                entropy=entropy,
            ),
            listing=ListSessions(work=work, seals=seals, pages=PageTokens(key=refresh_keys.derived(_PAGE_LABEL))),
            end=EndSessions(work=work, tags=tags, clock=clock, ids=ids),
            end_subject=end_subject,
        )
        self._token_handlers = TokenHandlers(
            create_grant=CreateGrant(
                work=work, standings=standings, tags=tags, issuer=issuer, clock=clock, ids=ids, entropy=entropy
            ),
            refresh=Refresh(
                store=PostgresRefreshStore(database=self._runtime),
                work=work,
                envelopes=envelopes,
                standings=standings,
                keys=refresh_keys,
                issuer=issuer,
                tags=tags,
                ids=ids,
                batch_size=settings.batch_size,
            ),
            exchange=ExchangeToken(
                work=work,
                access=access,
                tags=tags,
                audiences=settings.exchange_audiences,
                life=timedelta(seconds=settings.exchanged_token_seconds),
                clock=clock,
                ids=ids,
            ),
            introspect=Introspect(reader=reader, liveness=liveness, standings=standings),
            keys=self._signing_keys,
            audience=GATEWAY_AUDIENCE,
        )
        self._upkeep = Upkeep(
            rotate=RotateSigningKeys(
                rotation=PostgresSigningKeyRotation(database=self._jobs),
                provider=keyring,
                entropy=entropy,
                period=timedelta(seconds=settings.signing_key_seconds),
                token_life=token_life,
            ),
            keys=self._signing_keys,
            past=PostgresPast(database=self._jobs),
            remembered=REMEMBERED,
            clock=clock,
        )
        self._observer = observer

    @asynccontextmanager
    async def databases(self) -> AsyncIterator[None]:
        """The pools, which `work` opens, closed at the end."""
        try:
            yield
        finally:
            for database in (self._runtime, self._relay_database, self._jobs):
                await database.close()

    @asynccontextmanager
    async def channels(self) -> AsyncIterator[None]:
        """The channels, closed at the end."""
        async with self._identity, self._tenancy, self._audit, self._watch:
            yield

    def server(self) -> GrpcServer:
        """The server with everything that it serves."""
        settings = self._settings
        server = GrpcServer(
            listen=settings.listen,
            tls=settings.tls,
            errors=ERRORS,
            verifier=self._verifier,
            clock=self._clock,
            observer=self._observer,
            trace_ratio=settings.trace_ratio,
            reflection=settings.reflection,
        )
        server.add(session_pb2_grpc.add_SessionServiceServicer_to_server, self._session_handlers)
        server.add(token_pb2_grpc.add_TokenServiceServicer_to_server, self._token_handlers)
        server.add(revocation_pb2_grpc.add_RevocationServiceServicer_to_server, RevocationHandlers(fanout=self._fanout))
        server.add(
            cursor_pb2_grpc.add_CursorServiceServicer_to_server,
            CursorServicer(cursors=self._cursors),
        )
        return server

    def work(self, server: GrpcServer) -> Sequence[Work]:
        """What goes on beside the calls, for ever."""
        membership = membership_pb2_grpc.MembershipServiceStub(self._watch)
        feed = Feed(
            name="tenancy",
            watch=membership.WatchMemberships,
            request=lambda tick: membership_pb2.WatchMembershipsRequest(tick=tick),
            apply=self._heard.apply,
            lease=self._heard.lease,
        )
        source = RevocationSource(database=self._jobs)
        revocations = FeedReader(source=source, fanout=self._fanout, clock=self._clock)
        upkeep = self._upkeep

        async def readiness() -> None:
            await upkeep.readiness(answers=lambda: self._runtime.fetch("SELECT 1"), tell=server.ready)

        return [
            feed.run,
            _once_open(self._jobs, upkeep.signing_keys, upkeep.revocations, upkeep.sessions, revocations.run),
            _once_open(self._runtime, readiness, self._consumer().run),
            _once_open(self._relay_database, self._relay),
        ]

    def _consumer(self) -> Consumer:
        settings = self._settings
        return Consumer(
            bootstrap=settings.kafka_bootstrap,
            group=_SOURCE,
            member=f"{_SOURCE}-{socket.gethostname()}-{settings.listen.rpartition(':')[2]}",
            sources=["identity"],
            mac_keys=self._identity_mac_keys,
            intake=Intake(database=self._runtime, handler=self._events, clock=self._clock, context=subjects_of),
            clock=self._clock,
        )

    async def _relay(self) -> None:
        settings = self._settings
        producer = Producer(
            bootstrap=settings.kafka_bootstrap,
            source=_SOURCE,
            mac_key=self._mac_key,
            clock=self._clock,
            idempotence=settings.kafka_idempotence,
        )
        await producer.open()
        try:
            await Relay(
                source=_SOURCE,
                database=self._relay_database,
                producer=producer,
                consumers=[GrpcCursorClient(name="audit", channel=self._audit)],
                clock=self._clock,
            ).run()
        finally:
            await producer.close()


async def _work_until(stopping: asyncio.Event, work: Sequence[Work]) -> None:
    """Has everything run until `stopping` is set. What fails ends the process: a supervisor starts it again."""
    tasks = [asyncio.create_task(each()) for each in work]
    stop = asyncio.create_task(stopping.wait())
    try:
        done, _ = await asyncio.wait([*tasks, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (*tasks, stop):
            task.cancel()
        await asyncio.gather(*tasks, stop, return_exceptions=True)


def _once_open(database: Database, *work: Work) -> Work:
    """The work, begun when the database answers."""

    async def run() -> None:
        try:
            await database.open()
        except DatabaseRefused as error:
            raise SecretInvalid(f"session: {error}; look at WARDENRY_SESSION_*DATABASE_URL_FILE") from None
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each())

    return run


def _database(url_file: Path, *, size: int) -> Database:
    return Database(url=read_text(url_file), name=_SOURCE, size=size)


def _refresh_keys(file: Path) -> RefreshKeys:
    try:
        return RefreshKeys.of_bytes(file.read_bytes())
    except ValueError as error:
        raise SecretInvalid(f"{file}: {error}") from None


def _keyring(file: Path, entropy: Entropy) -> LocalKeyring:
    try:
        return LocalKeyring.load(file, entropy=entropy)
    except KeyringInvalid as error:
        raise SecretInvalid(str(error)) from None


def _mac_keys(directory: Path | None) -> tuple[bytes, MacKeys]:
    if directory is None:
        raise SecretInvalid("WARDENRY_MAC_KEYS_DIRECTORY is not set, and session cannot start without it.")
    try:
        return load_mac_key(directory, _SOURCE), load_mac_keys(directory, ["identity"])
    except MacKeyInvalid as error:
        raise SecretInvalid(str(error)) from None
