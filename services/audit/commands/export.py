"""Exporting a log, as a stream whose memory does not grow with it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from enum import Enum
from uuid import UUID

from libs.events.caller import Caller
from libs.events.event import MAX_VALUE_BYTES
from libs.ids import Ids
from libs.merkle.proofs import Proofs, Tile, tiles_for
from services.audit.commands.anchor import ProveAnchor
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.log import ProveLog
from services.audit.commands.sealing import Sealings
from services.audit.domain import spreadsheet
from services.audit.domain.entry import OpenedEntry, StoredEntry
from services.audit.domain.errors import AnchorNotFound
from services.audit.domain.events import EXPORT_REQUESTED, by_caller
from services.audit.domain.log import CheckpointSigner, SignedCheckpoint
from services.audit.domain.ports import UnitsOfWork, Vault
from wardenry.clock import Clock
from wardenry.log.anchor import Anchor
from wardenry.log.export import ExportEntry, ExportHeader, ExportValue, ExportWriter
from wardenry.log.filter import EntryFilter
from wardenry.timestamp import timestamp_of

#: Entries read at a time; bytes of leaves opened, proved and written at a time; and the most bytes handed on at a time.
_BATCH = 500
_LOT_BYTES = 1024 * 1024
_CHUNK_BYTES = 256 * 1024


class ExportFormat(Enum):
    """What the file is."""

    JSON_LINES = "json_lines"
    CSV = "csv"


class ExportEntries:
    """Writes a log, or what a filter leaves of it, into a file."""

    def __init__(
        self,
        *,
        units: UnitsOfWork,
        vault: Vault,
        sealings: Sealings,
        checkpoints: SignCheckpoints,
        proving: ProveLog,
        anchors: ProveAnchor,
        signer: CheckpointSigner,
        ids: Ids,
        clock: Clock,
    ) -> None:
        self._units = units
        self._vault = vault
        self._sealings = sealings
        self._checkpoints = checkpoints
        self._proving = proving
        self._anchors = anchors
        self._signer = signer
        self._ids = ids
        self._clock = clock

    async def export(self, caller: Caller, log: UUID, wanted: EntryFilter, form: ExportFormat) -> AsyncIterator[bytes]:
        """The file, in parts. Before the first of them, that it was asked for is certain to enter the log.

        Raises KeysUnavailable, PersonErased.
        """
        await self._requested(caller, log, wanted, form)
        checkpoint = await self._checkpoints.newest(log)
        file = (
            self._json_lines(checkpoint, wanted) if form is ExportFormat.JSON_LINES else self._csv(checkpoint, wanted)
        )
        async for part in file:
            for start in range(0, len(part), _CHUNK_BYTES):
                yield part[start : start + _CHUNK_BYTES]

    async def _requested(self, caller: Caller, log: UUID, wanted: EntryFilter, form: ExportFormat) -> None:
        sealing = await self._sealings.of(caller.client, subject=caller.subject, workspace=log)
        event = by_caller(
            event_id=self._ids.uuid7(),
            action=EXPORT_REQUESTED,
            occurred_at=self._clock.now(),
            log=log,
            caller=caller,
            sealing=sealing,
            details={"format": form.value, **_details(wanted)},
        )
        async with self._units.begin([log]) as work:
            await work.emit(event)

    async def _json_lines(self, checkpoint: SignedCheckpoint, wanted: EntryFilter) -> AsyncIterator[bytes]:
        writer = ExportWriter(
            header=ExportHeader(
                log=checkpoint.log,
                origin=self._signer.origin(checkpoint.log),
                checkpoint=checkpoint.note,
                filter=wanted.stated(),
                anchor=await self._anchor(checkpoint),
            )
        )
        yield writer.header()
        async for stored, tiles in self._batches(checkpoint, wanted, prove=True):
            proofs = Proofs(size=checkpoint.size, tiles=tiles)
            for lot in _lots(stored):
                yield await asyncio.to_thread(_lines, writer, await self._vault.opened(lot), proofs)
        yield writer.trailer(self._signer.signer)

    async def _anchor(self, checkpoint: SignedCheckpoint) -> Anchor | None:
        if checkpoint.size == 0:
            return None
        try:
            proof = await self._anchors.prove(checkpoint.log, size=checkpoint.size)
        except AnchorNotFound:
            return None
        continued = await self._proving.consistency(checkpoint.log, proof.checkpoint.size, second_size=checkpoint.size)
        return Anchor(
            nonce=proof.nonce,
            checkpoint=proof.checkpoint.note,
            consistency=continued.hashes,
            leaf=proof.leaf,
            index=proof.inclusion.index,
            inclusion=proof.inclusion.hashes,
            platform_checkpoint=proof.inclusion.checkpoint.note,
        )

    async def _csv(self, checkpoint: SignedCheckpoint, wanted: EntryFilter) -> AsyncIterator[bytes]:
        yield spreadsheet.heading()
        async for stored, _ in self._batches(checkpoint, wanted, prove=False):
            for lot in _lots(stored):
                yield await asyncio.to_thread(spreadsheet.rows, await self._vault.opened(lot))

    async def _batches(
        self, checkpoint: SignedCheckpoint, wanted: EntryFilter, *, prove: bool
    ) -> AsyncIterator[tuple[Sequence[StoredEntry], Mapping[Tile, bytes]]]:
        start = 0
        while True:
            # A transaction for each batch: entries never change, so many short ones show what one long one would.
            async with self._units.begin([checkpoint.log]) as work:
                stored = await work.entries.following(
                    checkpoint.log, wanted, start=start, end=checkpoint.size, limit=_BATCH
                )
                needed = tiles_for([entry.index for entry in stored], checkpoint.size) if prove and stored else ()
                tiles = await work.trees.tiles(checkpoint.log, needed) if needed else {}
            if not stored:
                return
            yield stored, tiles
            start = stored[-1].index + 1


def _lots(stored: Sequence[StoredEntry]) -> Iterator[Sequence[StoredEntry]]:
    """The entries, of which a few may be as large as many others."""
    start = size = 0
    for end, entry in enumerate(stored):
        size += len(entry.leaf)
        if size > _LOT_BYTES and end > start:
            yield stored[start:end]
            start, size = end, len(entry.leaf)
    yield stored[start:]


def _lines(writer: ExportWriter, opened: Sequence[OpenedEntry], proofs: Proofs) -> bytes:
    return writer.entries([exported_entry(entry, proofs) for entry in opened])


def exported_entry(entry: OpenedEntry, proofs: Proofs) -> ExportEntry:
    """The entry as an export has it. Raises HashesMissing."""
    return ExportEntry(
        index=entry.stored.index,
        leaf=entry.stored.leaf,
        proof=proofs.inclusion(entry.stored.index),
        recorded_at=timestamp_of(entry.stored.recorded_at).ToJsonString(),
        shown=entry.leaf.shown(),
        values=[_value(entry, person, field) for person, field in entry.leaf.commitments],
    )


def _value(entry: OpenedEntry, person: str, field: str) -> ExportValue:
    opened = entry.values.get((person, field))
    if opened is None:
        return ExportValue(person=person, field=field, salt=None, value=None)
    return ExportValue(person=person, field=field, salt=opened.salt, value=opened.value)


def _details(wanted: EntryFilter) -> dict[str, str]:
    stated = {name: _text(value) for name, value in wanted.stated().items()}
    return {
        name: text if len(text) <= MAX_VALUE_BYTES else text[: MAX_VALUE_BYTES - 1] + "…"
        for name, text in stated.items()
    }


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
