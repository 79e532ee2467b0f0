"""Control L3, as audit examines it: the part of the platform log that its prober checks with the public key alone."""

from collections.abc import Sequence

from libs.controls.examined import Examined, Finding
from libs.controls.log_sample import PLATFORM_LOG, WHERE
from libs.ids import PLATFORM
from libs.merkle.proofs import HashesMissing, Proofs, tiles_for
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.export import exported_entry
from services.audit.domain.entry import OpenedEntry, StoredEntry
from services.audit.domain.log import CheckpointSigner, SignedCheckpoint
from services.audit.domain.ports import UnitsOfWork
from wardenry.log.export import ExportHeader, ExportWriter
from wardenry.log.filter import EntryFilter
from wardenry.log.leaf import LeafInvalid, parse_leaf

#: Entries in the sample, at most. The newest: what was appended last is what nobody has checked yet.
_MOST = 128
_NAMED = 5


class ExamineHeldLogs:
    """Which logs are held back, of whosever they are."""

    def __init__(self, *, units: UnitsOfWork) -> None:
        self._units = units

    async def __call__(self) -> Examined:
        async with self._units.begin([]) as work:
            held = await work.segments.held()
        findings = [
            Finding(f"log {log.span.log}", f"no checkpoint is released: entry {log.damaged} was missing")
            for log in held
        ]
        if more := findings[_NAMED:]:
            findings = [*findings[:_NAMED], Finding("other logs", f"of {len(more)} more no checkpoint is released")]
        return Examined(facts=() if held else ("no log is held back",), findings=tuple(findings))


class ExamineLog:
    """Exports the newest entries of the platform log, with leaves and proofs and without a single personal value."""

    def __init__(self, *, units: UnitsOfWork, checkpoints: SignCheckpoints, signer: CheckpointSigner) -> None:
        self._units = units
        self._checkpoints = checkpoints
        self._signer = signer

    async def __call__(self) -> Examined:
        checkpoint = await self._checkpoints.newest(PLATFORM)
        if checkpoint.size == 0:
            return Examined(unknown=(f"{WHERE} has no entry yet: after the first sign-up it has",))
        first = max(0, checkpoint.size - _MOST)
        try:
            async with self._units.begin([PLATFORM]) as work:
                stored = await work.entries.following(
                    PLATFORM, EntryFilter(), start=first, end=checkpoint.size, limit=_MOST
                )
                tiles = await work.trees.tiles(PLATFORM, tiles_for(range(first, checkpoint.size), checkpoint.size))
            opened, findings = _read(stored, first=first, size=checkpoint.size)
            if findings:
                return Examined(findings=tuple(findings))
            sample = self._written(checkpoint, opened, Proofs(size=checkpoint.size, tiles=tiles))
        except HashesMissing as error:
            return Examined(findings=(Finding(WHERE, f"its tree is damaged: {error}"),))
        return Examined(
            facts=(f"audit shows the newest {len(opened)} of {checkpoint.size} entries of {WHERE}",),
            exhibits={PLATFORM_LOG: sample},
        )

    def _written(self, checkpoint: SignedCheckpoint, opened: Sequence[OpenedEntry], proofs: Proofs) -> bytes:
        """The export, of the whole log if these are all of it. Raises HashesMissing."""
        whole = len(opened) == checkpoint.size
        wanted = EntryFilter() if whole else EntryFilter(occurred_from=min(entry.leaf.occurred for entry in opened))
        writer = ExportWriter(
            header=ExportHeader(
                log=PLATFORM,
                origin=self._signer.origin(PLATFORM),
                checkpoint=checkpoint.note,
                filter=wanted.stated(),
            )
        )
        entries = [exported_entry(entry, proofs) for entry in opened]
        return writer.header() + writer.entries(entries) + writer.trailer(self._signer.signer)


def _read(stored: Sequence[StoredEntry], *, first: int, size: int) -> tuple[list[OpenedEntry], list[Finding]]:
    """The entries, nobody's values opened, and what cannot be shown of them."""
    missing = sorted(set(range(first, size)) - {entry.index for entry in stored})
    findings = [Finding(f"entry {index} of {WHERE}", "is gone") for index in missing[:_NAMED]]
    if len(missing) > _NAMED:
        findings.append(Finding(WHERE, f"{len(missing) - _NAMED} more entries are gone"))
    opened = []
    for entry in stored:
        try:
            opened.append(OpenedEntry(stored=entry, leaf=parse_leaf(entry.leaf), values={}))
        except LeafInvalid as error:
            findings.append(Finding(f"entry {entry.index} of {WHERE}", f"its leaf is damaged: {error}"))
    return opened, findings
