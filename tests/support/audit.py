"""Audit's commands on a real database, with the vault in memory."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from uuid import UUID

from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.key_owner import KeyReference
from libs.crypto.reader_key import ReaderPublicKey
from libs.db.context import Context
from libs.db.pool import Database
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Actor, ActorKind, Event, Outcome, PersonalValues, SearchTags, Target
from libs.events.position import Position
from libs.events.record import Record
from libs.ids import SystemEntropy, Uuid7Ids
from libs.outbox.bucket import bucket_of
from services.audit.clients.vault import open_entries
from services.audit.commands.anchor import AnchorHeads, ProveAnchor
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.denial import RecordDenial
from services.audit.commands.entry import ListEntries
from services.audit.commands.export import ExportEntries
from services.audit.commands.intake import AppendEvents
from services.audit.commands.key import RenewKey
from services.audit.commands.log import ProveLog
from services.audit.commands.record import RecordProductEvent
from services.audit.commands.sealing import Sealings
from services.audit.commands.segment import StoreSegments
from services.audit.consumers.actions import allowed_actions
from services.audit.consumers.intake import EventHandler, SigningIntake
from services.audit.domain.entry import OpenedEntry, StoredEntry
from services.audit.domain.errors import KeysUnavailable, ObjectsUnavailable, PersonErased
from services.audit.domain.log import CheckpointSigner
from services.audit.domain.segment import segments_from
from services.audit.domain.source import Sources
from services.audit.store.unit_of_work import PostgresUnitsOfWork
from tests.support.clock import HeldClock
from tests.support.entropy import CountedEntropy
from tests.support.events import arrived
from tests.support.postgres import ServiceDatabase
from wardenry.events.v1 import envelope_pb2
from wardenry.log.checkpoint import Checkpoint, open_checkpoint
from wardenry.log.leaf import parse_leaf
from wardenry.log.note import NoteSigner

LOG = UUID("01900000-0000-7000-8000-00000000000a")
OTHER_LOG = UUID("01900000-0000-7000-8000-00000000000b")
ALICE = UUID("01900000-0000-7000-8000-0000000000a1")
BOB = UUID("01900000-0000-7000-8000-0000000000b0")
SESSION = UUID("01900000-0000-7000-8000-000000000055")
ORIGIN = "log.example/audit"
SIGNER = NoteSigner(name=ORIGIN, seed=bytes(range(32)))
SOURCE = "tenancy"


class MemoryVault:
    """Keys of people, kept in this process: satisfies services.audit.domain.ports.Vault."""

    def __init__(self) -> None:
        self._entropy = CountedEntropy()
        self._keys: dict[tuple[UUID, UUID], ReaderPrivateKey] = {}
        self._destroyed: set[UUID] = set()
        self.down = False

    def key_of(self, subject: UUID, workspace: UUID = LOG) -> ReaderPublicKey:
        """Audit's key of the person in the workspace, as producers hold it."""
        if (subject, workspace) not in self._keys:
            key_id = UUID(bytes=self._entropy.bytes(16), version=4)
            self._keys[subject, workspace] = ReaderPrivateKey(key_id=key_id, version=1, private=self._entropy.bytes(32))
        return self._keys[subject, workspace].public_key()

    def destroy(self, subject: UUID, workspace: UUID = LOG) -> None:
        self._destroyed.add(self.key_of(subject, workspace).key_id)

    async def public_key(self, *, subject: UUID, workspace: UUID) -> ReaderPublicKey:
        self._answer()
        key = self.key_of(subject, workspace)
        if key.key_id in self._destroyed:
            raise PersonErased
        return key

    async def tag_key(self, workspace: UUID, day: date) -> bytes | None:
        self._answer()
        return workspace.bytes + f"{day:%Y-%m}".encode().ljust(16)

    async def opened(self, entries: Sequence[StoredEntry]) -> Sequence[OpenedEntry]:
        self._answer()
        private = {
            KeyReference(key_id=key.key_id, version=key.version): key
            for key in self._keys.values()
            if key.key_id not in self._destroyed
        }
        return open_entries(entries, private)

    def _answer(self) -> None:
        if self.down:
            raise KeysUnavailable


class MemoryObjects:
    """An object store in this process, which can be away: satisfies services.audit.domain.ports.SegmentObjects."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.down = False

    async def put(self, name: str, data: bytes) -> None:
        self._answer()
        self.stored[name] = data

    async def get(self, name: str) -> bytes | None:
        self._answer()
        return self.stored.get(name)

    async def names_from(self, number: int) -> Sequence[str]:
        self._answer()
        return sorted(name for name in self.stored if name > segments_from(number))

    def _answer(self) -> None:
        if self.down:
            raise ObjectsUnavailable("away")


class ReleasingIntake(SigningIntake):
    """As the service's own, for who does not go on with the next records meanwhile."""

    async def take(self, records: Sequence[Record]) -> None:
        """Returns when the records are committed, stored and signed."""
        await super().take(records)
        await self.released()


class AuditOnPostgres:
    """Everything of audit but its edges: no broker, no gRPC."""

    def __init__(self, *, service_database: ServiceDatabase, size: int = 10, signer: NoteSigner = SIGNER) -> None:
        self.service_database = service_database
        self.clock = HeldClock(datetime.now(UTC))
        self.vault = MemoryVault()
        self.database = Database(url=service_database.runtime, name="audit", size=size)
        entropy = SystemEntropy()
        self.ids = Uuid7Ids(clock=self.clock, entropy=entropy)
        self.builder = EnvelopeBuilder(source=SOURCE, entropy=entropy)
        self.units = PostgresUnitsOfWork(
            database=self.database, envelopes=EnvelopeBuilder(source="audit", entropy=entropy)
        )
        self.signer = CheckpointSigner(signer=signer)
        self.checkpoints = SignCheckpoints(units=self.units, signer=self.signer, clock=self.clock)
        self.objects = MemoryObjects()
        self.segments = StoreSegments(units=self.units, objects=self.objects, clock=self.clock)
        self.append = AppendEvents(sources=Sources(allowed=allowed_actions()), clock=self.clock)
        self.handler = EventHandler(append=self.append, within=self.units.within)
        self.intake = self.new_intake()
        self.sealings = Sealings(vault=self.vault, clock=self.clock)
        self.listing = ListEntries(units=self.units, vault=self.vault)
        self.proving = ProveLog(units=self.units, checkpoints=self.checkpoints)
        self.anchors = ProveAnchor(units=self.units, proving=self.proving)
        self.anchoring = AnchorHeads(
            units=self.units,
            checkpoints=self.checkpoints,
            entropy=entropy,
            ids=self.ids,
            clock=self.clock,
        )
        self.keys = RenewKey(
            units=self.units, key=signer.key, retiring=None, anchor=_nothing, ids=self.ids, clock=self.clock
        )
        self.recording = RecordProductEvent(units=self.units, sealings=self.sealings, clock=self.clock)
        self.denial = RecordDenial(units=self.units, sealings=self.sealings, ids=self.ids, clock=self.clock)
        self.exporting = ExportEntries(
            units=self.units,
            vault=self.vault,
            sealings=self.sealings,
            checkpoints=self.checkpoints,
            proving=self.proving,
            anchors=self.anchors,
            signer=self.signer,
            ids=self.ids,
            clock=self.clock,
        )
        self._numbers: dict[int, count[int]] = {}

    def new_intake(self) -> SigningIntake:
        """As another process of audit has it."""
        return ReleasingIntake(
            database=self.database,
            handler=self.handler,
            segments=self.segments,
            checkpoints=self.checkpoints,
            clock=self.clock,
        )

    def event(
        self, *, log: UUID = LOG, actor: UUID = ALICE, action: str = "user.role_changed", **changes: object
    ) -> Event:
        """Somebody changed Bob's role."""
        event = Event(
            event_id=self.ids.uuid7(),
            log=log,
            action=action,
            occurred_at=self.clock.now(),
            actor=Actor(kind=ActorKind.SUBJECT, id=actor, session=SESSION, client="gateway"),
            outcome=Outcome.SUCCESS,
            target=Target(kind="subject", id=BOB),
            details={"from": "member", "to": "manager"},
            personal=(
                PersonalValues(
                    role="actor",
                    reader_key=self.vault.key_of(actor, log),
                    values={"ip_address": "203.0.113.7", "user_agent": '=HYPERLINK("x")', "device_fingerprint": "d1"},
                ),
                PersonalValues(role="target", reader_key=self.vault.key_of(BOB, log), values={"name": "Bob Ω"}),
            ),
            tags=SearchTags(network=bytes(32), device=bytes(31) + b"d", address=bytes(31) + b"a", country="DE"),
        )
        return replace(event, **changes)  # type: ignore[arg-type] # fields by name

    def largest(self, *, log: UUID = LOG) -> Event:
        """An event whose leaf has 65,535 bytes, as many as one may have."""
        details = {f"key{number:02}": "Ω" * 1024 for number in range(31)}
        for last in range(1024):
            event = self.event(log=log, personal=(), tags=None, details={**details, "last": "Ω" * last})
            room = 65_535 - len(envelope_pb2.Envelope.FromString(self.builder.build(event)).leaf)
            if room < 2:
                return replace(event, details={**event.details, "last": "Ω" * last + "x" * room})
        raise AssertionError("the details cannot fill a leaf")

    def record(self, event: Event, *, envelope: bytes | None = None, position: Position | None = None) -> Record:
        """The event as its source's next record."""
        bucket = bucket_of(event.log)
        numbers = self._numbers.setdefault(bucket, count())
        return arrived(
            Record(
                source=SOURCE,
                position=position or Position(1, next(numbers)),
                bucket=bucket,
                event_id=event.event_id,
                log=event.log,
                action=event.action,
                occurred_at=event.occurred_at,
                envelope=self.builder.build(event) if envelope is None else envelope,
            )
        )

    def records(self, number: int, *, log: UUID = LOG, actor: UUID = ALICE) -> list[Record]:
        """So many events, one second apart."""
        records = []
        for _ in range(number):
            self.clock.advance(1)
            records.append(self.record(self.event(log=log, actor=actor)))
        return records

    async def size(self, log: UUID = LOG) -> int:
        async with self.units.begin([log]) as work:
            heads = await work.trees.heads([log])
        return heads[0].size if heads else 0

    async def leaves(self, log: UUID = LOG) -> list[bytes]:
        """All leaves, in the order of the log."""
        async with self.database.transaction(Context(workspaces=frozenset({log}))) as tx:
            rows = await tx.fetch("SELECT index, leaf FROM entry WHERE log_id = $1 ORDER BY index", log)
        assert [row["index"] for row in rows] == list(range(len(rows)))
        return [row["leaf"] for row in rows]

    async def parked(self) -> list[tuple[str, str]]:
        rows = await self.database.fetch("SELECT reason, detail FROM parked_record ORDER BY parked_at, detail")
        return [(row["reason"], row["detail"]) for row in rows]

    async def outbox(self) -> list[tuple[str, bytes]]:
        """Actions and envelopes that audit itself has emitted, read as the relay does."""
        relay = Database(url=self.service_database.relay, name="relay", size=1)
        await relay.open()
        rows = await relay.fetch("SELECT action, envelope FROM outbox ORDER BY id")
        await relay.close()
        return [(row["action"], row["envelope"]) for row in rows]

    async def emitted(self) -> list[Record]:
        """What is in the outbox, as audit's relay sends it."""
        records = []
        numbers: Counter[int] = Counter()
        for action, envelope in await self.outbox():
            leaf = parse_leaf(envelope_pb2.Envelope.FromString(envelope).leaf)
            bucket = bucket_of(leaf.log)
            made = Record(
                source="audit",
                position=Position(1, numbers[bucket]),
                bucket=bucket,
                event_id=leaf.event_id,
                log=leaf.log,
                action=action,
                occurred_at=leaf.occurred,
                envelope=envelope,
            )
            numbers[bucket] += 1
            records.append(arrived(made))
        return records

    async def deliver(self, since: int = 0) -> int:
        """Takes what audit has emitted into its logs, as relay, broker and intake do; answers how much there is now."""
        records = await self.emitted()
        await self.intake.take(records[since:])
        assert not await self.parked()
        return len(records)

    def opened(self, note: str) -> Checkpoint:
        return open_checkpoint(note, [SIGNER.key])


async def _nothing() -> int:
    return 0


@asynccontextmanager
async def audit_on(service_database: ServiceDatabase) -> AsyncIterator[AuditOnPostgres]:
    audit = AuditOnPostgres(service_database=service_database)
    await audit.database.open()
    try:
        await audit.keys.settle()
        yield audit
    finally:
        await audit.database.close()
