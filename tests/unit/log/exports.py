"""Exports made from events, as audit makes them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.crypto.hpke import ReaderPrivateKey
from libs.events.envelope import EnvelopeBuilder, OpenedValue, open_sealed
from libs.events.event import Actor, ActorKind, Event, PersonalValues, Role, Target
from tests.support.entropy import CountedEntropy
from tests.unit.merkle import naive_tree
from wardenry.events.v1 import envelope_pb2
from wardenry.log.checkpoint import Checkpoint, log_origin, sign_checkpoint
from wardenry.log.export import ExportEntry, ExportHeader, ExportValue, ExportWriter
from wardenry.log.filter import EntryFilter
from wardenry.log.leaf import parse_leaf
from wardenry.log.note import NoteSigner
from wardenry.log.tree import leaf_hash
from wardenry.log.verification import Report, verify_export

LOG = UUID("01900000-0000-7000-8000-00000000000a")
OTHER_LOG = UUID("01900000-0000-7000-8000-00000000000b")
ALICE = UUID("01900000-0000-7000-8000-0000000000a1")
BOB = UUID("01900000-0000-7000-8000-0000000000b0")
ORIGIN = "log.example/audit"
SIGNER = NoteSigner(name=ORIGIN, seed=bytes(range(32)))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
READER = ReaderPrivateKey(key_id=UUID(int=7), version=1, private=bytes(range(1, 33)))


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry as audit stores it, opened."""

    leaf: bytes
    values: Mapping[tuple[str, str], OpenedValue]


def record(events: Sequence[Event]) -> list[Recorded]:
    """The events as envelopes, opened again by their reader."""
    builder = EnvelopeBuilder(source="tenancy", entropy=CountedEntropy())
    recorded = []
    for event in events:
        envelope = envelope_pb2.Envelope.FromString(builder.build(event))
        values: dict[tuple[str, str], OpenedValue] = {}
        for sealed in envelope.sealed:
            role: Role = "actor" if sealed.person == "actor" else "target"
            opened = open_sealed(leaf=envelope.leaf, role=role, message=sealed.message, private_key=READER)
            values |= {(sealed.person, name): value for name, value in opened.items()}
        recorded.append(Recorded(envelope.leaf, values))
    return recorded


def event(number: int, *, actor: UUID = ALICE, log: UUID = LOG, action: str = "user.role_changed") -> Event:
    """Someone changed Bob's role, at minute `number`."""
    return Event(
        event_id=UUID(int=(0x0190 << 112) + (7 << 76) + (2 << 62) + number),
        log=log,
        action=action,
        occurred_at=NOON + timedelta(minutes=number),
        actor=Actor(kind=ActorKind.SUBJECT, id=actor, session=UUID(int=number + 1), client="gateway"),
        target=Target(kind="subject", id=BOB),
        details={"from": "member", "to": "manager"},
        personal=(
            PersonalValues(
                role="actor",
                reader_key=READER.public_key(),
                values={"ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0 \u202e\x1b[31m\u2028"},
            ),
            PersonalValues(role="target", reader_key=READER.public_key(), values={"name": "Bob Ω"}),
        ),
    )


@dataclass(slots=True)
class Log:
    """Entries, and the exports made of them."""

    entries: list[Recorded]
    erased: set[int] = field(default_factory=set)

    def checkpoint(self, size: int | None = None) -> str:
        size = len(self.entries) if size is None else size
        hashes = [leaf_hash(entry.leaf) for entry in self.entries[:size]]
        checkpoint = Checkpoint(origin=log_origin(ORIGIN, LOG), size=size, root=naive_tree.root(hashes))
        return sign_checkpoint(checkpoint, SIGNER)

    def entry(self, index: int) -> ExportEntry:
        recorded = self.entries[index]
        leaf = parse_leaf(recorded.leaf)
        hashes = [leaf_hash(entry.leaf) for entry in self.entries]
        values = []
        for person, name in leaf.commitments:
            opened = None if index in self.erased else recorded.values[person, name]
            salt, value = opened if opened else (None, None)
            values.append(ExportValue(person=person, field=name, salt=salt, value=value))
        return ExportEntry(
            index=index,
            leaf=recorded.leaf,
            proof=naive_tree.inclusion(index, hashes),
            recorded_at="2026-11-22T12:00:00Z",
            shown=leaf.shown(),
            values=values,
        )

    def export(
        self,
        *,
        entries: Sequence[ExportEntry] | None = None,
        wanted: EntryFilter | None = None,
        checkpoint: str | None = None,
        log: UUID = LOG,
        signer: NoteSigner = SIGNER,
    ) -> bytes:
        """The file; everything that is not given is as it should be."""
        wanted = wanted or EntryFilter()
        if entries is None:
            matching = (i for i, entry in enumerate(self.entries) if wanted.matches(parse_leaf(entry.leaf)))
            entries = [self.entry(index) for index in matching]
        header = ExportHeader(
            log=log,
            origin=log_origin(ORIGIN, log),
            checkpoint=checkpoint or self.checkpoint(),
            filter=wanted.stated(),
        )
        writer = ExportWriter(header=header)
        return writer.header() + writer.entries(entries) + writer.trailer(signer)


def verify(data: bytes, *, previous: Checkpoint | None = None) -> Report:
    return verify_export(io.BytesIO(data), [SIGNER.key], previous=previous)
