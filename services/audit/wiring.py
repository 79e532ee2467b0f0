"""The composition root: the one place that names what audit is made of."""

import asyncio
import gc
from collections.abc import Mapping, Sequence
from datetime import timedelta

from libs.config.secret import SecretInvalid, read_key
from libs.controls.examination import Several
from libs.controls.write_once.examination import WriteOnce
from libs.crypto.vault import VaultClient
from libs.events.cursor_service import CursorServicer
from libs.events.cursors import CursorReader
from libs.events.envelope import EnvelopeBuilder
from libs.rpc.rules import Rule, rules_of
from libs.rpc.server import GrpcServer
from libs.service.controls import by_role, control_handlers
from libs.service.databases import Databases
from libs.service.events import consumer_of, parked_records_of, relay_of
from libs.service.parts import Parts, open_parts
from libs.service.serving import Work, serving
from libs.service.status import StatusHandlers
from services.audit.clients.segment import ObjectStoreSegments
from services.audit.clients.vault import IdentityVault
from services.audit.commands.anchor import AnchorHeads, ProveAnchor
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.control import ExamineHeldLogs, ExamineLog
from services.audit.commands.denial import RecordDenial
from services.audit.commands.entry import ListEntries
from services.audit.commands.export import ExportEntries
from services.audit.commands.intake import AppendEvents
from services.audit.commands.key import PublishKeys, RenewKey
from services.audit.commands.late import AppendLate
from services.audit.commands.log import ProveLog
from services.audit.commands.record import RecordProductEvent
from services.audit.commands.sealing import Sealings
from services.audit.commands.segment import StoreSegments
from services.audit.commands.segment_held import ReturnHeldLogs
from services.audit.commands.subject_data import SubjectData
from services.audit.commands.tile import ReadTiles
from services.audit.config import AuditSettings
from services.audit.consumers.actions import allowed_actions
from services.audit.consumers.intake import EventHandler, SigningIntake
from services.audit.consumers.late import LateEvents
from services.audit.domain.errors import KeyRefused
from services.audit.domain.log import CheckpointSigner
from services.audit.domain.source import Sources
from services.audit.domain.write_once import EVENT_PATH, GUARD, GUARDED, RIGHTS
from services.audit.jobs.anchor import AnchorGrownLogs
from services.audit.jobs.key import SettleKey
from services.audit.jobs.partition import MakeMonths
from services.audit.jobs.segment import StoreWhatIsLeft
from services.audit.jobs.segment_held import ReturnWholeLogs
from services.audit.server.denial import DenialHook
from services.audit.server.entry import EntryHandlers
from services.audit.server.errors import ERRORS
from services.audit.server.log import LogHandlers
from services.audit.server.platform_log import PlatformLogHandlers
from services.audit.server.record import RecordHandlers
from services.audit.store.subject_data import PostgresSubjectLogs
from services.audit.store.unit_of_work import PostgresUnitsOfWork
from wardenry.audit.v1 import entry_pb2, entry_pb2_grpc, log_pb2, log_pb2_grpc, record_pb2, record_pb2_grpc
from wardenry.controls.v1.control_pb2_grpc import add_ControlServiceServicer_to_server
from wardenry.datarights.v1 import participant_pb2_grpc
from wardenry.events.v1 import cursor_pb2_grpc, parked_pb2_grpc
from wardenry.identity.v1 import vault_pb2_grpc
from wardenry.log.note import NoteInvalid, NoteSigner, VerifierKey
from wardenry.participant import SubjectDataHandlers
from wardenry.status.v1.status_pb2_grpc import add_StatusServiceServicer_to_server
from wardenry.verifier import TokenVerifier

#: As in libs.rpc.process.
_YOUNGEST = 100_000


async def serve(settings: AuditSettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. What audit needs does not have to be there yet.

    Raises SecretInvalid, ListenFailed, OSError.
    """
    # One batch of events makes so many objects, few of which are in cycles.
    gc.set_threshold(_YOUNGEST)
    async with (
        open_parts(settings) as parts,
        Databases(settings, observer=parts.observer) as databases,
        parts.verifier() as verifier,
    ):
        audit = Audit(settings, parts=parts, databases=databases)
        async with serving(audit.server(verifier), databases=databases, works=audit.works):
            await stopping.wait()


class Audit:
    """What audit is made of, for one process."""

    def __init__(self, settings: AuditSettings, *, parts: Parts, databases: Databases) -> None:
        """Raises SecretInvalid, OSError."""
        self._parts = parts
        self._limits = parts.limits(settings)
        clock, ids, entropy = parts.clock, parts.ids, parts.entropy
        units = PostgresUnitsOfWork(
            database=databases.runtime, envelopes=EnvelopeBuilder(source=settings.service, entropy=entropy)
        )
        signer = CheckpointSigner(
            signer=NoteSigner(name=settings.log_origin, seed=read_key(settings.checkpoint_key_file))
        )
        key = signer.signer.key
        checkpoints = SignCheckpoints(units=units, signer=signer, clock=clock)
        objects = ObjectStoreSegments(url=settings.object_store_url)
        segments = StoreSegments(units=units, objects=objects, clock=clock)
        proving = ProveLog(units=units, checkpoints=checkpoints)
        tiles = ReadTiles(units=units, proving=proving)
        anchors = ProveAnchor(units=units, proving=proving)
        anchoring = AnchorHeads(units=units, checkpoints=checkpoints, entropy=entropy, ids=ids, clock=clock)
        stub = vault_pb2_grpc.VaultServiceStub(parts.channel("identity"))
        vault = IdentityVault(client=VaultClient(stub=stub, clock=clock))
        sealings = Sealings(vault=vault, clock=clock)
        self._entries = EntryHandlers(
            listing=ListEntries(units=units, vault=vault),
            exporting=ExportEntries(
                units=units,
                vault=vault,
                sealings=sealings,
                checkpoints=checkpoints,
                proving=proving,
                anchors=anchors,
                signer=signer,
                ids=ids,
                clock=clock,
            ),
        )
        self._log = LogHandlers(proving=proving, anchors=anchors, tiles=tiles, keys=PublishKeys(units=units, key=key))
        self._platform_log = PlatformLogHandlers(proving=proving, tiles=tiles)
        self._records = RecordHandlers(recording=RecordProductEvent(units=units, sealings=sealings, clock=clock))
        self._subject_data = SubjectData(units=units, logs=PostgresSubjectLogs(database=databases.runtime), vault=vault)
        self._cursors = CursorReader(name=settings.service, database=databases.runtime)
        self._denials = DenialHook(
            denial=RecordDenial(units=units, sealings=sealings, ids=ids, clock=clock), rules=_rules()
        )
        write_once = WriteOnce(
            database=settings.service,
            by_role=by_role(databases),
            apart=EVENT_PATH,
            rights=RIGHTS,
            guarded=GUARDED,
            guard=GUARD,
        )
        examine_log = ExamineLog(units=units, checkpoints=checkpoints, signer=signer)
        self._controls = control_handlers(
            settings.service,
            databases=databases,
            examinations={"L3": Several(write_once, examine_log, ExamineHeldLogs(units=units))},
        )
        sources = sorted(allowed_actions())
        append = AppendEvents(sources=Sources(allowed=allowed_actions()), clock=clock)
        handler = EventHandler(append=append, within=units.within)
        taking_in = asyncio.Event()
        late = LateEvents(append=AppendLate(append=append), within=units.within, begun=taking_in.is_set)
        self._parked = parked_records_of(settings, parts=parts, databases=databases, sources=sources, handler=late.take)
        intake = SigningIntake(
            database=databases.runtime,
            handler=handler,
            segments=segments,
            checkpoints=checkpoints,
            clock=clock,
            observer=parts.observer,
        )
        consumer = consumer_of(settings, parts=parts, sources=sources, intake=intake, batch=settings.batch)
        months = MakeMonths(database=databases.jobs, clock=clock)
        anchor_grown_logs = AnchorGrownLogs(
            jobs=databases.jobs, anchoring=anchoring, interval=timedelta(seconds=settings.anchor_seconds), clock=clock
        )

        left = StoreWhatIsLeft(segments=segments, checkpoints=checkpoints, clock=clock)
        held = ReturnWholeLogs(
            held=ReturnHeldLogs(units=units, segments=segments), checkpoints=checkpoints, clock=clock
        )

        renewal = SettleKey(
            renewing=RenewKey(
                units=units,
                key=key,
                retiring=_retiring(settings),
                anchor=anchor_grown_logs.anchor,
                ids=ids,
                clock=clock,
            ),
            clock=clock,
        )
        settled = asyncio.Event()

        async def settle() -> None:
            try:
                await renewal.settled()
            except KeyRefused as error:
                raise SecretInvalid(f"{settings.checkpoint_key_file}: {error}") from None
            settled.set()

        def after(work: Work) -> Work:
            """Nothing that signs begins before the key is the logs' present one."""

            async def run() -> None:
                await settled.wait()
                await work()

            return run

        async def take_in() -> None:
            # An entry needs its month; events wait until it is there.
            await months.made()
            await left.checked()
            taking_in.set()
            try:
                await consumer.run()
            finally:
                await intake.end()

        self._status = StatusHandlers(settings.service, databases=databases, consumers=[self._cursors], clock=clock)
        self.works: Sequence[Work] = (
            months.run,
            settle,
            after(left.run),
            after(held.run),
            after(anchor_grown_logs.run),
            after(take_in),
            relay_of(settings, parts=parts, databases=databases, consumers=[self._cursors]),
        )

    def server(self, verifier: TokenVerifier) -> GrpcServer:
        """The server, with everything that it serves."""
        server = self._parts.server(errors=ERRORS, verifier=verifier, limits=self._limits, on_denied=self._denials)
        server.add(entry_pb2_grpc.add_EntryServiceServicer_to_server, self._entries)
        server.add(log_pb2_grpc.add_LogServiceServicer_to_server, self._log)
        server.add(log_pb2_grpc.add_PlatformLogServiceServicer_to_server, self._platform_log)
        server.add(record_pb2_grpc.add_RecordServiceServicer_to_server, self._records)
        server.add(add_ControlServiceServicer_to_server, self._controls)
        server.add(add_StatusServiceServicer_to_server, self._status)
        server.add(
            participant_pb2_grpc.add_SubjectDataServiceServicer_to_server,
            SubjectDataHandlers(participant=self._subject_data, warrants=self._parts.warrants(verifier.keys)),
        )
        server.add(cursor_pb2_grpc.add_CursorServiceServicer_to_server, CursorServicer(cursors=self._cursors))
        server.add(parked_pb2_grpc.add_ParkedRecordServiceServicer_to_server, self._parked)
        return server


def _retiring(settings: AuditSettings) -> VerifierKey | None:
    """Raises SecretInvalid."""
    try:
        return VerifierKey.parse(settings.retired_checkpoint_key) if settings.retired_checkpoint_key else None
    except NoteInvalid as error:
        raise SecretInvalid(f"WARDENRY_AUDIT_RETIRED_CHECKPOINT_KEY: {error}") from None


def _rules() -> Mapping[str, Rule]:
    contracts = (entry_pb2.DESCRIPTOR, log_pb2.DESCRIPTOR, record_pb2.DESCRIPTOR)
    return rules_of([service for contract in contracts for service in contract.services_by_name.values()])
