"""The composition root: the one place that names what audit is made of."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from wardenry.audit.v1 import entry_pb2, entry_pb2_grpc, log_pb2, log_pb2_grpc, record_pb2, record_pb2_grpc
from wardenry.channels import open_channel as open_bare_channel
from wardenry.clock import SystemClock
from wardenry.events.v1 import cursor_pb2_grpc
from wardenry.identity.v1 import vault_pb2_grpc
from wardenry.log.note import NoteSigner
from wardenry.verification import follow

from libs.config.secret import SecretInvalid, read_key, read_text
from libs.crypto.vault import VaultClient
from libs.db.errors import DatabaseRefused
from libs.db.pool import Database
from libs.events.consumer import Consumer
from libs.events.cursor_service import CursorServicer
from libs.events.cursors import CursorReader
from libs.events.envelope import EnvelopeBuilder
from libs.events.mac_keys import MacKeyInvalid, MacKeys, load_mac_keys
from libs.events.producer import Producer
from libs.ids import SystemEntropy, Uuid7Ids
from libs.outbox.relay import Relay
from libs.rpc.authentication import Verifier
from libs.rpc.channel import open_channel
from libs.rpc.rules import rules_of
from libs.rpc.server import GrpcServer
from libs.telemetry.observation import open_observer
from libs.telemetry.observer import Observer
from services.audit.clients.vault import IdentityVault
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.denial import RecordDenial
from services.audit.commands.entry import ListEntries
from services.audit.commands.export import ExportEntries
from services.audit.commands.intake import AppendEvents
from services.audit.commands.log import ProveLog
from services.audit.commands.record import RecordProductEvent
from services.audit.commands.sealing import Sealings
from services.audit.config import AuditSettings
from services.audit.consumers.actions import allowed_actions
from services.audit.consumers.intake import EventHandler, SigningIntake
from services.audit.domain.log import CheckpointSigner
from services.audit.domain.source import Sources
from services.audit.jobs.partition import MakeMonths
from services.audit.server.denial import DenialHook
from services.audit.server.entry import EntryHandlers
from services.audit.server.errors import ERRORS
from services.audit.server.log import LogHandlers
from services.audit.server.record import RecordHandlers
from services.audit.store.unit_of_work import PostgresUnitsOfWork

Work = Callable[[], Coroutine[Any, Any, None]]

_SOURCE = "audit"


async def serve(settings: AuditSettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. Raises SecretInvalid, ListenFailed, OSError."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        observer = await stack.enter_async_context(
            open_observer(service=_SOURCE, endpoint=settings.otlp_endpoint, clock=clock)
        )
        identity = open_channel(target=settings.identity_address, peer="identity", tls=settings.tls, observer=observer)
        session, tenancy = (
            open_bare_channel(target=target, peer=peer, tls=settings.tls)
            for peer, target in (("session", settings.session_address), ("tenancy", settings.tenancy_address))
        )
        for channel in (identity, session, tenancy):
            await stack.enter_async_context(channel)
        verifier = await stack.enter_async_context(
            follow(issuer=settings.issuer, session=session, tenancy=tenancy, clock=SystemClock())
        )
        audit = Audit(settings=settings, clock=clock, identity=identity)
        await stack.enter_async_context(audit.databases())
        server = await stack.enter_async_context(audit.server(verifier=verifier, observer=observer))
        await _work_until(stopping, audit.work(server))


class Audit:
    """Everything that audit is made of, for one process."""

    def __init__(self, *, settings: AuditSettings, clock: SystemClock, identity: grpc.aio.Channel) -> None:
        self._settings = settings
        self._clock = clock
        entropy = SystemEntropy()
        self._ids = Uuid7Ids(clock=clock, entropy=entropy)
        self._mac_keys = _mac_keys(settings.mac_keys_directory, sorted(allowed_actions()))

        self._runtime = _database(settings.database_url_file, size=settings.database_connections)
        self._relay_database = _database(settings.relay_database_url_file, size=4)
        self._jobs = _database(settings.jobs_database_url_file, size=1)
        self._units = PostgresUnitsOfWork(
            database=self._runtime, envelopes=EnvelopeBuilder(source=_SOURCE, entropy=entropy)
        )
        self._signer = CheckpointSigner(
            signer=NoteSigner(name=settings.log_origin, seed=read_key(settings.checkpoint_key_file))
        )
        self._checkpoints = SignCheckpoints(units=self._units, signer=self._signer, clock=clock)
        self._vault = IdentityVault(client=VaultClient(stub=vault_pb2_grpc.VaultServiceStub(identity), clock=clock))
        self._sealings = Sealings(vault=self._vault, clock=clock)
        self._cursors = CursorReader(name=_SOURCE, database=self._runtime)
        self._months = MakeMonths(database=self._jobs, clock=clock)

    @asynccontextmanager
    async def databases(self) -> AsyncIterator[None]:
        """The pools, which `work` opens, closed at the end."""
        try:
            yield
        finally:
            for database in (self._runtime, self._relay_database, self._jobs):
                await database.close()

    def server(self, *, verifier: Verifier, observer: Observer) -> GrpcServer:
        """The server with everything that it serves."""
        settings = self._settings
        denial = RecordDenial(units=self._units, sealings=self._sealings, ids=self._ids, clock=self._clock)
        contracts = (entry_pb2.DESCRIPTOR, log_pb2.DESCRIPTOR, record_pb2.DESCRIPTOR)
        services = [service for contract in contracts for service in contract.services_by_name.values()]
        server = GrpcServer(
            listen=settings.listen,
            tls=settings.tls,
            errors=ERRORS,
            verifier=verifier,
            clock=self._clock,
            observer=observer,
            trace_ratio=settings.trace_ratio,
            on_denied=DenialHook(denial=denial, rules=rules_of(services)),
            reflection=settings.reflection,
        )
        listing = ListEntries(units=self._units, vault=self._vault)
        exporting = ExportEntries(
            units=self._units,
            vault=self._vault,
            sealings=self._sealings,
            checkpoints=self._checkpoints,
            signer=self._signer,
            ids=self._ids,
            clock=self._clock,
        )
        server.add(
            entry_pb2_grpc.add_EntryServiceServicer_to_server, EntryHandlers(listing=listing, exporting=exporting)
        )
        proving = ProveLog(units=self._units, checkpoints=self._checkpoints)
        keys = (str(self._signer.signer.key),)
        server.add(log_pb2_grpc.add_LogServiceServicer_to_server, LogHandlers(proving=proving, keys=keys))
        recording = RecordProductEvent(units=self._units, sealings=self._sealings, clock=self._clock)
        server.add(record_pb2_grpc.add_RecordServiceServicer_to_server, RecordHandlers(recording=recording))
        server.add(cursor_pb2_grpc.add_CursorServiceServicer_to_server, CursorServicer(cursors=self._cursors))
        return server

    def work(self, server: GrpcServer) -> Sequence[Work]:
        """What goes on beside the calls, for ever."""

        async def intake() -> None:
            await _open(self._runtime)
            await server.ready(True)
            await _open(self._jobs)
            # An entry needs its month; events wait until it is there.
            await self._months.made()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._months.run())
                group.create_task(self._consumer().run())

        async def relay() -> None:
            await _open(self._relay_database)
            await self._relay()

        return [intake, relay]

    def _consumer(self) -> Consumer:
        settings = self._settings
        append = AppendEvents(sources=Sources(allowed=allowed_actions()), clock=self._clock)
        return Consumer(
            bootstrap=settings.kafka_bootstrap,
            group=_SOURCE,
            member=f"{_SOURCE}-{socket.gethostname()}-{settings.listen.rpartition(':')[2]}",
            sources=sorted(allowed_actions()),
            mac_keys=self._mac_keys,
            intake=SigningIntake(
                database=self._runtime,
                handler=EventHandler(append=append, within=self._units.within),
                checkpoints=self._checkpoints,
                clock=self._clock,
            ),
            clock=self._clock,
            batch=settings.batch,
        )

    async def _relay(self) -> None:
        settings = self._settings
        producer = Producer(
            bootstrap=settings.kafka_bootstrap,
            source=_SOURCE,
            mac_key=self._mac_keys[_SOURCE][0],
            clock=self._clock,
            idempotence=settings.kafka_idempotence,
        )
        await producer.open()
        try:
            await Relay(
                source=_SOURCE,
                database=self._relay_database,
                producer=producer,
                consumers=[self._cursors],
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


async def _open(database: Database) -> None:
    try:
        await database.open()
    except DatabaseRefused as error:
        raise SecretInvalid(f"audit: {error}; look at WARDENRY_AUDIT_*DATABASE_URL_FILE") from None


def _database(url_file: Path, *, size: int) -> Database:
    return Database(url=read_text(url_file), name=_SOURCE, size=size)


def _mac_keys(directory: Path | None, sources: Sequence[str]) -> MacKeys:
    if directory is None:
        raise SecretInvalid("WARDENRY_MAC_KEYS_DIRECTORY is not set, and audit cannot check events without it")
    try:
        return load_mac_keys(directory, sources)
    except MacKeyInvalid as error:
        raise SecretInvalid(str(error)) from None
