"""Checking a part of the log as anybody could, and whether the checks find what was altered in it."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from libs.controls.examined import Examined, Finding
from wardenry.log.export import ExportEntry, ExportHeader, ExportTrailer, parse_line, read_lines
from wardenry.log.note import VerifierKey
from wardenry.log.verification import Report, verify_export

#: What audit shows to the prober of L3: an export of the newest entries of the platform log, without personal values.
PLATFORM_LOG = "platform_log"
WHERE = "the platform log"

#: Entries that are altered, at most, and bytes of the file.
_ENTRIES, _BYTES = 6, 24
#: Findings that are told.
_TOLD = 10


@dataclass(frozen=True, slots=True)
class Alteration:
    """A sample with one thing changed in it."""

    #: What was changed, and where.
    what: str
    #: The check that must notice, however the file is signed; empty where any will do.
    check: str
    sample: bytes


def judge_sample(sample: bytes, keys: Sequence[VerifierKey]) -> Examined:
    """Whether the sample holds, by these keys alone, and whether every alteration of it is found."""
    report = _verified(sample, keys)
    if not report.verified:
        found = [_finding(sample, each.line, each.text) for each in report.findings[:_TOLD]]
        return Examined(findings=tuple(found))
    if report.entries == 0:
        return Examined(unknown=(f"no entry of {WHERE} is shown",))
    made = 0
    missed = []
    for alteration in alterations(sample):
        made += 1
        altered = _verified(alteration.sample, keys)
        if altered.verified or (alteration.check and not altered.failed[alteration.check]):
            check = f" by the check of {alteration.check}" if alteration.check else ""
            missed.append(Finding("wardenry-verify", f"{alteration.what} is not found{check}"))
    held = f"{report.entries} entries hold by the public key alone"
    return Examined(facts=(f"{held}; {made} alterations of them were found",), findings=tuple(missed[:_TOLD]))


def alterations(sample: bytes) -> Iterator[Alteration]:
    """The sample with one thing changed, for each kind of thing: in some entries, in the header and the trailer, and
    at bytes anywhere."""
    lines = list(read_lines(io.BytesIO(sample)))
    places = [number for number, line in enumerate(lines) if isinstance(parse_line(line), ExportEntry)]
    for number in _spread(places, _ENTRIES):
        entry = parse_line(lines[number])
        assert isinstance(entry, ExportEntry)  # noqa: S101 - chosen above
        for what, check, changed in _altered_entry(entry):
            text = f"{what} of entry {entry.index}"
            yield Alteration(text, check, _with(lines, number, changed.line()))
        yield Alteration(f"the absence of entry {entry.index}", "order", _with(lines, number, b""))
    for number, line in enumerate(lines):
        parsed = parse_line(line)
        if isinstance(parsed, ExportHeader):
            grown = _recounted(parsed.checkpoint)
            changed_header = replace(parsed, checkpoint=grown).line()
            yield Alteration("another size in the checkpoint", "checkpoint", _with(lines, number, changed_header))
        elif isinstance(parsed, ExportTrailer):
            changed_trailer = replace(parsed, count=parsed.count + 1).line()
            yield Alteration("another count in the trailer", "order", _with(lines, number, changed_trailer))
    for place in _spread(range(len(sample)), _BYTES):
        yield Alteration(f"a flipped bit in byte {place} of the file", "", _flipped(sample, place))


def _altered_entry(entry: ExportEntry) -> Iterator[tuple[str, str, ExportEntry]]:
    for place in _spread(range(len(entry.leaf)), 3):
        yield (
            f"a flipped bit in byte {place} of the leaf",
            "inclusion",
            replace(entry, leaf=_flipped(entry.leaf, place)),
        )
    for place in _spread(range(len(entry.proof)), 2):
        proof = [_flipped(each, 0) if at == place else each for at, each in enumerate(entry.proof)]
        yield f"a flipped bit in hash {place} of the proof", "inclusion", replace(entry, proof=proof)
    shown = {**entry.shown, "action": f"{entry.shown.get('action')}x"}
    yield "another action shown", "shown", replace(entry, shown=shown)
    much_later = f"9{entry.recorded_at[1:]}"
    yield "another time of record", "signature", replace(entry, recorded_at=much_later)
    for place in _spread(range(len(entry.values)), 1):
        invented = replace(entry.values[place], salt=bytes(16), value="invented")
        values = [invented if at == place else each for at, each in enumerate(entry.values)]
        yield f"an invented {invented.field}", "commitment", replace(entry, values=values)


def _verified(sample: bytes, keys: Sequence[VerifierKey]) -> Report:
    return verify_export(io.BytesIO(sample), keys)


def _finding(sample: bytes, line: int | None, text: str) -> Finding:
    return Finding(WHERE if line is None else f"{WHERE}, line {line} of its export", text)


def _spread(places: Sequence[int], most: int) -> list[int]:
    """At most so many of the places, evenly from the first to the last."""
    if len(places) <= most:
        return list(places)
    if most == 1:
        return [places[0]]
    return [places[at * (len(places) - 1) // (most - 1)] for at in range(most)]


def _with(lines: Sequence[bytes], number: int, line: bytes) -> bytes:
    return b"".join([*lines[:number], line, *lines[number + 1 :]])


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _recounted(note: str) -> str:
    """The checkpoint, one entry larger, under the signature that it had."""
    origin, size, rest = note.split("\n", 2)
    return f"{origin}\n{int(size) + 1}\n{rest}"
