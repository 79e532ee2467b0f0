"""`wardenry-verify FILE --keys KEYS`: checks an exported log off line, and with `--archive` the archive of a person's
data. Also `python -m wardenry.log.verify`.

Exit codes: 0 everything holds, VERIFIED; 1 something does not, REFUTED; 2 wrong usage, or a file that cannot be read;
3 everything that could be checked holds, and something could not be: UNPROVEN when that is the checkpoint itself,
PARTLY PROVEN when it is anything else; 4 the file is no log export, or ends too early while nothing that is there is
wrong, INCOMPLETE. An archive is never UNPROVEN. `verified` in the JSON is true with 0 alone.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from wardenry import archive_report, archive_verification
from wardenry.log.anchor import PLATFORM_LOG, Anchor
from wardenry.log.checkpoint import Checkpoint, CheckpointInvalid
from wardenry.log.export import FORMAT
from wardenry.log.file_kind import BEGINNING, ZIP, other_than_export
from wardenry.log.keys import KeysInvalid, LogKeys
from wardenry.log.note import NoteInvalid, VerifierKey, decode_base64
from wardenry.log.verification import CHECKS, Report, verify_export
from wardenry.version import VERSION

VERIFIED, REFUTED, USAGE, UNCHECKED, NO_EXPORT = 0, 1, 2, 3, 4
_SHOWN = 20
#: Until independent witnesses cosign checkpoints, one size has one root because the operator says so.
_STANDING = "operator-asserted"
_CUT = "the file ends too early, as where a download stopped"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="wardenry-verify",
        description="Check an exported audit log, or an archive of a person's data, off line, with the public key.",
        epilog="exit codes: 0 verified, 1 refuted, 2 wrong usage or unreadable file, 3 what was checked holds and "
        "something could not be checked (also with a proof or a checkpoint of another log), 4 no log export and no "
        "archive, or not all of it",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="an export in JSON Lines; with --archive, a ZIP file")
    parser.add_argument(
        "--archive", action="store_true", help="the file is the archive of a person's data, not an exported log"
    )
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="KEYS",
        help="a file with the public keys, as /.well-known/wardenry-log-keys is; for an archive, /api/v1/archive-keys",
    )
    parser.add_argument(
        "--key", action="append", default=[], metavar="VKEY", help="a public key itself, name+hash+key; may be repeated"
    )
    parser.add_argument("--previous", type=Path, metavar="CHECKPOINT", help="a file with an earlier signed checkpoint")
    parser.add_argument(
        "--proof",
        type=Path,
        metavar="ANCHOR",
        help="a file with the proof that the checkpoint is in the platform log, as …/audit/anchor serves it",
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument("--version", action="version", version=f"wardenry-verify {VERSION}")
    options = parser.parse_args(arguments)
    try:
        keys = _keys(options)
    except _WrongUsage as error:
        return _usage(str(error))
    if options.archive:
        if options.previous or options.proof:
            return _usage("--previous and --proof are about a log; an archive is checked without")
        return _archive(options.file, keys.present, as_json_object=options.json)
    try:
        proof = read_proof(options.proof) if options.proof else None
    except OSError as error:
        return _usage(f"{options.proof}: {error.strerror}")
    except (NoteInvalid, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return _usage(f"--proof: {options.proof} is not what …/audit/anchor serves")
    try:
        previous = read_checkpoint(options.previous, keys) if options.previous else None
        if options.file.is_dir():
            return _no_export(options.file, "a directory", as_json_object=options.json)
        with options.file.open("rb", buffering=BEGINNING) as stream:
            if (kind := other_than_export(stream.peek(BEGINNING))) is not None:
                return _no_export(options.file, kind, as_json_object=options.json)
            report = verify_export(stream, keys.present, previous=previous, retired=keys.retired, proof=proof)
    except OSError as error:
        return _usage(f"{error.filename or options.file}: {error.strerror}")
    except (NoteInvalid, CheckpointInvalid, UnicodeDecodeError) as error:
        return _usage(f"--previous: {error}")
    if options.json:
        _tell(lambda out: out.write(json.dumps(as_json(report)) + "\n"))
    else:
        _tell(lambda out: print_table(report, out))
    return exit_code(report)


class _WrongUsage(Exception):
    """What the command line asks for cannot be done."""


def _keys(options: argparse.Namespace) -> LogKeys:
    """Raises _WrongUsage."""
    if not options.key and options.keys is None:
        raise _WrongUsage("which keys? Say --keys FILE or --key name+hash+key")
    try:
        named = [VerifierKey.parse(text) for text in options.key]
    except NoteInvalid as error:
        raise _WrongUsage(f"--key: {error}") from None
    try:
        listed = LogKeys.parse(options.keys.read_bytes()) if options.keys else LogKeys(present=[])
    except OSError as error:
        raise _WrongUsage(f"{options.keys}: {error.strerror}") from None
    except KeysInvalid:
        served = "/api/v1/archive-keys" if options.archive else "/.well-known/wardenry-log-keys"
        raise _WrongUsage(f"--keys: {options.keys} is not what {served} serves") from None
    return LogKeys(present=[*named, *listed.present], retired=listed.retired)


def _archive(file: Path, keys: Sequence[VerifierKey], *, as_json_object: bool) -> int:
    try:
        if file.is_dir():
            return _no_archive(file, "a directory", as_json_object=as_json_object)
        with file.open("rb") as stream:
            beginning = stream.read(BEGINNING)
            if not beginning.startswith(archive_verification.BEGINNING):
                kind = other_than_export(beginning) or "an exported log: leave out --archive"
                return _no_archive(file, kind, as_json_object=as_json_object)
            report = archive_verification.examine_archive(stream, keys)
    except OSError as error:
        return _usage(f"{error.filename or file}: {error.strerror}")
    if as_json_object:
        _tell(lambda out: out.write(json.dumps(archive_report.as_json(report)) + "\n"))
    else:
        _tell(lambda out: archive_report.print_table(report, out, paint=_painter(out), visible=_visible))
    if report.cut:
        return NO_EXPORT
    return VERIFIED if report.verified else REFUTED


def _no_archive(file: Path, kind: str, *, as_json_object: bool) -> int:
    if as_json_object:
        _tell(lambda out: out.write(json.dumps({"verified": False, "problem": f"no archive: {kind}"}) + "\n"))
    else:
        sys.stderr.write(f"wardenry-verify: {_visible(str(file))} is no archive, but {kind}. Nothing was verified.\n")
    return NO_EXPORT


def _tell(write: Callable[[TextIO], object]) -> None:
    out: TextIO | None = sys.stdout
    if out is None:  # closed before we began
        return
    try:
        write(out)
        out.flush()
    except OSError:
        # Nobody reads on. What was found is not changed by that, and neither is what the exit code says.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _no_export(file: Path, kind: str, *, as_json_object: bool) -> int:
    """For a file that nobody could have altered a log in."""
    if as_json_object:
        problem = {"verified": False, "problem": f"no log export: {kind}"}
        _tell(lambda out: out.write(json.dumps(problem) + "\n"))
    else:
        archive = "; for the archive of a person's data say --archive" if kind == ZIP else ""
        sys.stderr.write(
            f"wardenry-verify: {_visible(str(file))} is no log export, but {kind}. Expected is a file in the format "
            f"{FORMAT}, JSON Lines, as Export with proofs on the page Audit log gives it{archive}. "
            "Nothing was verified.\n"
        )
    return NO_EXPORT


def exit_code(report: Report) -> int:
    """The exit code of a report."""
    if report.failed:
        return NO_EXPORT if report.incomplete else REFUTED
    return UNCHECKED if report.unchecked else VERIFIED


def as_json(report: Report) -> dict[str, object]:
    """The report for programs."""
    return {
        "verified": report.verified,
        "problem": _problem(report),
        "standing": _STANDING,
        "log": str(report.header.log) if report.header else None,
        "filter": dict(report.header.filter) if report.header else None,
        "size": report.checkpoint.size if report.checkpoint else None,
        "root": report.checkpoint.root.hex() if report.checkpoint else None,
        "platform_size": report.platform.size if report.platform else None,
        "platform_root": report.platform.root.hex() if report.platform else None,
        "retired_key": str(report.retired.key) if report.retired else None,
        "entries": report.entries,
        "values": report.values,
        "erased": report.erased,
        "checks": {check: {"made": report.made[check], "failed": report.failed[check]} for check in CHECKS},
        "unchecked": report.unchecked,
        "findings": [{"check": each.check, "line": each.line, "text": each.text} for each in report.findings],
    }


def print_table(report: Report, out: TextIO) -> None:
    """The report for people: one row a check, then what was found."""
    paint = _painter(out)
    _print_what_it_is(report, out)
    width = max(len(text) for text in CHECKS.values())
    for check, text in CHECKS.items():
        if report.failed[check]:
            verdict = paint(f"FAILED ({report.failed[check]})", "31")
        elif check in report.unchecked:
            verdict = paint(f"not checked: {report.unchecked[check]}", "33")
        elif report.made[check]:
            verdict = paint(f"ok ({report.made[check]})", "32")
        else:
            verdict = "-"
        out.write(f"  {check:<11} {text:<{width}}  {verdict}\n")
    out.write("\n")
    for finding in report.findings[:_SHOWN]:
        where = f"line {finding.line}" if finding.line else "file"
        out.write(f"  {where}: {_visible(finding.text)}\n")
    if (more := report.failed.total() - _SHOWN) > 0:
        out.write(f"  … and {more} more\n")
    out.write(_verdict(report, paint) + "\n")


def _verdict(report: Report, paint: Callable[[str, str], str]) -> str:
    if report.verified:
        return paint("VERIFIED", "32;1") + f" ({_STANDING}: no witness has cosigned the checkpoint)"
    if report.incomplete:
        return paint("INCOMPLETE", "33;1") + f": {_CUT}. Export it again: until it is whole, nothing of it counts"
    if report.failed:
        return paint("REFUTED", "31;1") + ": this file is not what the log signed"
    return paint("UNPROVEN" if "checkpoint" in report.unchecked else "PARTLY PROVEN", "33;1") + f": {_problem(report)}"


def _problem(report: Report) -> str | None:
    """Why a file is neither verified nor refuted, and what to do about it."""
    if report.incomplete:
        return _CUT
    if report.failed or not report.unchecked:
        return None
    if "checkpoint" not in report.unchecked:
        left = "; ".join(f"{check} ({reason})" for check, reason in report.unchecked.items())
        return f"what was checked holds. Not checked: {left}"
    if report.header is not None and report.header.log == PLATFORM_LOG:
        return "a key that was retired since signed the checkpoint, and no witness did"
    size = report.checkpoint.size if report.checkpoint else 0
    mixed_up = f" ({report.unchecked['anchor']})" if "anchor" in report.unchecked else ""
    return (
        "a key that was retired since signed the checkpoint, and nothing shows that it entered the platform log before"
        f"{mixed_up}. Do not believe the file without --proof: get it from …/audit/anchor?covering={size}"
    )


def _print_what_it_is(report: Report, out: TextIO) -> None:
    if report.header is not None:
        out.write(f"log      {report.header.log}\n")
    if report.checkpoint is not None:
        out.write(f"tree     {report.checkpoint.size} entries, root {report.checkpoint.root.hex()}\n")
    if report.platform is not None:
        out.write(f"platform {report.platform.size} entries, root {report.platform.root.hex()}\n")
    if report.retired is not None:
        end = f"retired at {report.retired.platform_size} entries of the platform log"
        out.write(f"key      {report.retired.key.id.hex()}, {end}\n")
    clear = f"{report.values} values in clear, {report.erased} erased"
    out.write(f"file     {report.entries} entries{_filtered(report)}, {clear}\n\n")


def _visible(text: str) -> str:
    """A finding may name what the file says, and the file may mean ill to a terminal."""
    return "".join(character if character.isprintable() else f"\\u{{{ord(character):04x}}}" for character in text)


def _filtered(report: Report) -> str:
    return " by a filter" if report.header and report.header.filter else ""


def read_checkpoint(path: Path, keys: LogKeys) -> Checkpoint:
    """A signed checkpoint from a file, as people keep it who copied it from a page: with lines that end as on Windows,
    one empty line before it, and no newline at its end or one too many. The note itself has one form only.

    Raises OSError, NoteInvalid, CheckpointInvalid, UnicodeDecodeError.
    """
    data = path.read_bytes()
    copied = data.replace(b"\r\n", b"\n").removeprefix(b"\n")
    if not copied.endswith(b"\n"):
        copied += b"\n"
    elif copied.endswith(b"\n\n"):
        copied = copied[:-1]
    try:
        return keys.opened(copied.decode())[0]
    except (NoteInvalid, CheckpointInvalid, UnicodeDecodeError) as error:
        beginning = (copied if data else data)[:BEGINNING]
        kind = other_than_export(beginning) or ("a log export" if FORMAT.encode() in beginning else "JSON")
        if kind == "a signed checkpoint":
            raise
        raise NoteInvalid(f"{_visible(str(path))} is no signed checkpoint, but {kind}: {error}") from None


def read_proof(path: Path) -> Anchor:
    """What …/audit/anchor serves, from a file.

    Raises OSError, NoteInvalid, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError.
    """
    fields = json.loads(path.read_bytes())
    for note in ("checkpoint", "platform_checkpoint"):
        # JSON can spell half a character, which no note has.
        fields[note].encode()
    return Anchor(
        nonce=decode_base64(fields["nonce"]),
        checkpoint=str(fields["checkpoint"]),
        consistency=[decode_base64(each) for each in fields["consistency"]],
        leaf=decode_base64(fields["leaf"]),
        index=int(fields["index"]),
        inclusion=[decode_base64(each) for each in fields["hashes"]],
        platform_checkpoint=str(fields["platform_checkpoint"]),
    )


def _usage(text: str) -> int:
    sys.stderr.write(f"wardenry-verify: {text}\n")
    return USAGE


def _painter(out: TextIO) -> Callable[[str, str], str]:
    return _paint if out.isatty() and not os.environ.get("NO_COLOR") else _plain


def _paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


def _plain(text: str, code: str) -> str:
    return text


if __name__ == "__main__":
    raise SystemExit(main())
