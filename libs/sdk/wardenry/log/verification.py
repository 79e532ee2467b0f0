"""Checks an export with the public key alone: every leaf, value and proof, the order, and the file as a whole.

What this proves is order and immutability after the append, not that a source told the truth.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from wardenry.log.anchor import PLATFORM_LOG, Anchor, AnchorAsserted, AnchorInvalid, AnchorUnproven, verify_anchor
from wardenry.log.checkpoint import Checkpoint, CheckpointInvalid, log_origin, stated_origin
from wardenry.log.commitment import CommitmentMismatch, check_commitment
from wardenry.log.export import (
    ExportCut,
    ExportEntry,
    ExportHeader,
    ExportInvalid,
    ExportTrailer,
    parse_line,
    read_lines,
    trailer_text,
)
from wardenry.log.filter import EntryFilter, FilterInvalid
from wardenry.log.keys import LogKeys, RetiredKey
from wardenry.log.leaf import Leaf, LeafInvalid, parse_leaf
from wardenry.log.note import NoteInvalid, VerifierKey, open_note
from wardenry.log.tree import EMPTY_ROOT, ProofInvalid, RootBuilder, leaf_hash, verify_inclusion

#: The checks, in the order in which reports list them, and what each finds out.
CHECKS = {
    "format": "every line is well formed",
    "signature": "the file is whole, as it was signed",
    "checkpoint": "the checkpoint is signed, and of this log",
    "leaf": "every leaf can be read and is of this log",
    "shown": "what is shown is what the leaf says",
    "commitment": "every value is the one the leaf commits to",
    "inclusion": "every entry is in the signed tree",
    "order": "entries are in order, and complete where no filter was set",
    "filter": "every entry matches the filter",
    "root": "the entries together make the signed tree",
    "anchor": "the log is in the platform log",
    "previous": "the log continues the previous checkpoint",
}
#: Findings that are kept; the rest is counted.
_KEPT = 100
_EVERYTHING = EntryFilter()
_ENDS_INSIDE = "the file ends inside a line"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold."""

    check: str
    #: From 1; None when it is about the file as a whole.
    line: int | None
    text: str


@dataclass(slots=True)
class Report:
    """What a verification found."""

    header: ExportHeader | None = None
    checkpoint: Checkpoint | None = None
    #: The platform log's checkpoint that the log is in.
    platform: Checkpoint | None = None
    #: The retired key that signed the checkpoint, if one did.
    retired: RetiredKey | None = None
    entries: int = 0
    values: int = 0
    erased: int = 0
    #: How often each check was made.
    made: Counter[str] = field(default_factory=Counter)
    #: How often each failed.
    failed: Counter[str] = field(default_factory=Counter)
    #: The first findings.
    findings: list[Finding] = field(default_factory=list)
    #: Whether the file ends before its trailer does.
    cut: bool = False
    #: Why a check that was asked for could not be made, by check.
    unchecked: dict[str, str] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        """Everything holds, nothing is missing, and nothing that was asked for was left unchecked."""
        return not self.failed and self.made["signature"] > 0 and not self.unchecked

    @property
    def incomplete(self) -> bool:
        """Nothing is wrong with what is there, and the rest is missing: as where a download stopped."""
        if not self.cut or self.failed.total() > len(self.findings):
            return False
        return all(finding.line is None or finding.text == _ENDS_INSIDE for finding in self.findings)

    def fail(self, check: str, line: int | None, text: str) -> None:
        self.failed[check] += 1
        if len(self.findings) < _KEPT:
            self.findings.append(Finding(check, line, text))


def verify_export(
    stream: BinaryIO,
    keys: Sequence[VerifierKey],
    *,
    previous: Checkpoint | None = None,
    retired: Sequence[RetiredKey] = (),
    proof: Anchor | None = None,
) -> Report:
    """Reads the export once, in memory that does not grow with it, and reports. Never raises for what the file says.

    `previous` is an opened checkpoint of the same log from an earlier day: the log must continue it. A checkpoint that
    one of the `retired` keys signed is believed if the anchor in the file, or `proof`, shows that all of it entered the
    platform log before the key was retired, or is a prefix of what did. Without such a proof it is unchecked; one that
    shows something else refutes it. A `previous` or `proof` of another log says nothing of this one, for it or against:
    its check is left unchecked, and says so.
    """
    return _Verification(LogKeys(present=keys, retired=retired), previous, proof).run(stream)


class _Verification:
    def __init__(self, keys: LogKeys, previous: Checkpoint | None, proof: Anchor | None) -> None:
        self._keys = keys
        self._previous = previous
        self._proof = proof
        self._previous_root: bytes | None = EMPTY_ROOT if previous and previous.size == 0 else None
        self._filter: EntryFilter | None = None
        self._tree = RootBuilder()
        self._last = -1
        self._line = 0
        self._report = Report()

    def run(self, stream: BinaryIO) -> Report:
        report, digest, trailer = self._report, hashlib.sha256(), None
        try:
            for line in read_lines(stream):
                self._line += 1
                if trailer is not None:
                    report.fail("format", self._line, "there is more after the trailer")
                    break
                trailer = self._read(line)
                if trailer is None:
                    digest.update(line)
                if report.header is None:
                    break
        except ExportCut:
            report.cut = True
            report.fail("format", self._line + 1, _ENDS_INSIDE)
        except ExportInvalid as error:
            report.fail("format", self._line + 1, str(error))
        if report.header is not None:
            self._finish(report.header, trailer, digest.digest())
        elif not report.failed:
            report.fail("format", None, "the file is empty")
        return report

    def _read(self, line: bytes) -> ExportTrailer | None:
        report = self._report
        report.made["format"] += 1
        try:
            parsed = parse_line(line)
        except ExportInvalid as error:
            report.fail("format", self._line, str(error))
            return None
        if isinstance(parsed, ExportHeader) != (self._line == 1):
            report.fail("format", self._line, "the header is the first line, and no other")
        elif isinstance(parsed, ExportHeader):
            self._start(parsed)
        elif isinstance(parsed, ExportTrailer):
            return parsed
        else:
            self._entry(parsed)
        return None

    def _start(self, header: ExportHeader) -> None:
        report = self._report
        report.header = header
        report.made["checkpoint"] += 1
        try:
            report.checkpoint, report.retired = self._keys.opened(header.checkpoint)
        except (NoteInvalid, CheckpointInvalid) as error:
            report.fail("checkpoint", 1, f"the checkpoint: {error}")
        else:
            if not self._named(header) or report.checkpoint.origin != header.origin:
                report.fail("checkpoint", 1, "the checkpoint is of another log or origin")
            elif report.retired is not None and report.checkpoint.size > 0:
                self._retired(header, report.checkpoint)
            elif (anchor := self._given_proof(header) or header.anchor) is not None:
                self._anchor(anchor, report.checkpoint)
        try:
            self._filter = EntryFilter.parse(header.filter)
        except FilterInvalid as error:
            report.fail("format", 1, str(error))

    def _anchor(self, anchor: Anchor, checkpoint: Checkpoint) -> None:
        self._report.made["anchor"] += 1
        try:
            self._report.platform = verify_anchor(
                anchor, self._keys.present, checkpoint=checkpoint, retired=self._keys.retired
            )
        except AnchorAsserted as error:
            self._report.unchecked["anchor"] = str(error)
        except AnchorInvalid as error:
            self._report.fail("anchor", 1, f"the anchor: {error}")

    def _given_proof(self, header: ExportHeader) -> Anchor | None:
        """The proof that the holder has, unless it is of another log: whoever mixed up two files accuses nobody."""
        if self._proof is None:
            return None
        origin = stated_origin(self._proof.checkpoint)
        if origin is not None and origin != header.origin:
            self._report.unchecked["anchor"] = f"the proof that was given is of another log, {origin}"
            return None
        return self._proof

    def _retired(self, header: ExportHeader, checkpoint: Checkpoint) -> None:
        """Whether a checkpoint of a retired key is to be believed: its signature alone says nothing."""
        report = self._report
        if header.log == PLATFORM_LOG:
            report.unchecked["checkpoint"] = "operator-asserted: its key was retired since, and no witness cosigned it"
            return
        anchor = self._given_proof(header) or header.anchor
        unproven = "its key was retired since, and nothing shows that it entered the platform log before"
        if anchor is None:
            report.unchecked["checkpoint"] = f"{unproven}: there is no proof of it"
            return
        try:
            report.platform = verify_anchor(
                anchor, self._keys.present, checkpoint=checkpoint, retired=self._keys.retired, covering=True
            )
            report.made["anchor"] += 1
        except AnchorUnproven as error:
            report.unchecked["checkpoint"] = f"{unproven}: the proof: {error}"
        except AnchorInvalid as error:
            text = "the checkpoint's key was retired, and the proof that it entered the platform log before is none"
            report.fail("checkpoint", 1, f"{text}: {error}")

    def _entry(self, entry: ExportEntry) -> None:
        report = self._report
        report.entries += 1
        self._order(entry)
        hashed = leaf_hash(entry.leaf)
        self._tree.extend([hashed])
        if self._previous is not None and self._tree.size == self._previous.size:
            self._previous_root = self._tree.root()
        self._inclusion(entry, hashed)
        report.made["leaf"] += 1
        try:
            leaf = parse_leaf(entry.leaf)
        except LeafInvalid as error:
            report.fail("leaf", self._line, f"entry {entry.index}: {error}")
            return
        if report.header is not None and leaf.log != report.header.log:
            report.fail("leaf", self._line, f"entry {entry.index} is of another log")
        report.made["shown"] += 1
        if entry.shown != leaf.shown():
            report.fail("shown", self._line, f"entry {entry.index} shows what its leaf does not say")
        if self._filter is not None and self._filter != _EVERYTHING:
            report.made["filter"] += 1
            if not self._filter.matches(leaf):
                report.fail("filter", self._line, f"entry {entry.index} does not match the filter")
        self._values(entry, leaf)

    def _order(self, entry: ExportEntry) -> None:
        report = self._report
        report.made["order"] += 1
        unfiltered = self._filter == _EVERYTHING
        if entry.index <= self._last or (unfiltered and entry.index != self._last + 1):
            report.fail("order", self._line, f"entry {entry.index} stands after entry {self._last}")
        self._last = max(self._last, entry.index)

    def _inclusion(self, entry: ExportEntry, hashed: bytes) -> None:
        report = self._report
        if report.checkpoint is None:
            return
        report.made["inclusion"] += 1
        size, root = report.checkpoint.size, report.checkpoint.root
        try:
            verify_inclusion(leaf=hashed, index=entry.index, size=size, proof=entry.proof, root=root)
        except ProofInvalid as error:
            report.fail("inclusion", self._line, f"entry {entry.index}: {error}")

    def _values(self, entry: ExportEntry, leaf: Leaf) -> None:
        report = self._report
        if [(value.person, value.field) for value in entry.values] != list(leaf.commitments):
            report.fail("commitment", self._line, f"entry {entry.index} has other fields than its leaf commits to")
            return
        for value in entry.values:
            if value.salt is None or value.value is None:
                report.erased += 1
                continue
            report.values += 1
            report.made["commitment"] += 1
            digest = leaf.commitments[value.person, value.field]
            try:
                check_commitment(digest, field_salt=value.salt, field=value.field, value=value.value)
            except CommitmentMismatch:
                report.fail(
                    "commitment", self._line, f"entry {entry.index}: {value.field} is not what was committed to"
                )

    def _finish(self, header: ExportHeader, trailer: ExportTrailer | None, digest: bytes) -> None:
        report = self._report
        report.made["signature"] += 1
        if trailer is None:
            report.cut = True
            report.fail("signature", None, "the trailer is missing: the file was cut")
        else:
            if trailer.count != report.entries:
                report.fail("order", None, f"{trailer.count} entries were written, {report.entries} are here")
            text = trailer_text(origin=header.origin, count=trailer.count, digest=digest)
            try:
                if open_note(trailer.signature, self._named(header)) != text:
                    report.fail("signature", self._line, "the file is not the one that was signed")
                elif not self._is_present(trailer.signature, header):
                    report.unchecked["signature"] = (
                        "its key was retired since; times of record, and what a filter left out, are nobody's word"
                    )
            except NoteInvalid as error:
                report.fail("signature", self._line, f"the file's signature: {error}")
        if report.checkpoint is None or self._filter != _EVERYTHING:
            self._previous_unseen()
            return
        if self._tree.size != report.checkpoint.size:
            report.unchecked["root"] = f"the tree has {report.checkpoint.size} entries, {self._tree.size} are here"
            report.fail("order", None, f"the log has {report.checkpoint.size} entries, {self._tree.size} are here")
        else:
            report.made["root"] += 1
            if self._tree.root() != report.checkpoint.root:
                report.fail("root", None, "the entries do not make the tree that was signed")
        self._continues(report.checkpoint)

    def _named(self, header: ExportHeader) -> list[VerifierKey]:
        """The keys that speak for the log, or did: those of the deployment that its origin names."""
        known = [*self._keys.present, *(each.key for each in self._keys.retired)]
        return [key for key in known if log_origin(key.name, header.log) == header.origin]

    def _is_present(self, note: str, header: ExportHeader) -> bool:
        try:
            open_note(note, [key for key in self._named(header) if key in self._keys.present])
        except NoteInvalid:
            return False
        return True

    def _continues(self, checkpoint: Checkpoint) -> None:
        if self._previous is None:
            return
        report = self._report
        if self._previous.origin != checkpoint.origin:
            report.unchecked["previous"] = f"the checkpoint that was given is of another log, {self._previous.origin}"
            return
        if self._previous.size > checkpoint.size:
            # Of a file that is merely older the same is true.
            report.unchecked["previous"] = (
                f"the checkpoint that was given has {self._previous.size} entries, this file's {checkpoint.size}:"
                " the file was made before it, or the log was cut back since; export it again"
            )
            return
        report.made["previous"] += 1
        if self._previous.root != self._previous_root:
            report.fail("previous", None, f"the first {self._previous.size} entries are not what they were")

    def _previous_unseen(self) -> None:
        if self._previous is None:
            return
        checkpoint = self._report.checkpoint
        if checkpoint is not None and checkpoint.origin != self._previous.origin:
            self._continues(checkpoint)
        elif checkpoint is not None and checkpoint.size <= self._previous.size:
            self._previous_root = checkpoint.root if checkpoint.size == self._previous.size else None
            self._continues(checkpoint)
        else:
            self._report.unchecked["previous"] = "a filtered export does not hold the entries that this takes"
