"""A file that is no log export is told apart from one that somebody altered; a cut one is neither."""

import gzip
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.domain import spreadsheet
from tests.unit.log.exports import ALICE, BOB, SIGNER, Log, event, record, verify
from wardenry.log import verify as command
from wardenry.log.file_kind import BEGINNING, other_than_export

LOG_OF_FIVE = Log(record([event(number, actor=BOB if number == 3 else ALICE) for number in range(5)]))
WHOLE = LOG_OF_FIVE.export()
CSV = "a log exported as CSV, which is for spreadsheets and holds no proofs"
KEY = ["--key", str(SIGNER.key)]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (spreadsheet.heading(), CSV),
        (b"\xef\xbb\xbf" + spreadsheet.heading(), CSV),
        (b"name,age\nann,3\n", "a table in CSV"),
        (b"name;age\n", "a table in CSV"),
        (json.dumps({"keys": [str(SIGNER.key)]}).encode(), "public keys"),
        (b'{"keys": [\n', "JSON, and not one object a line"),
        (b'[{"control": "T2"}]', "JSON, and nothing that was exported from a log"),
        (b"[" * 60_000, "JSON, and not one object a line"),
        (LOG_OF_FIVE.checkpoint(2).encode(), "a signed checkpoint"),
        (LOG_OF_FIVE.entry(0).line(), "a part of an export, without its first line"),
        (WHOLE.splitlines(keepends=True)[-1], "a part of an export, without its first line"),
        (WHOLE.replace(b"audit-export/1", b"audit-export/2", 1), "an export in the format wardenry-audit-export/2, "
         "which this version does not read"),
        (b"<!doctype html>\n", "a web page"),
        (gzip.compress(WHOLE, mtime=0), "compressed by gzip"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"hello\n", "text"),
        (b"\xff\xfe\x00", "binary data"),
        (b"text and \x00", "binary data"),
        ("ü".encode() * BEGINNING, "text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["text", "json"])
def test_another_file_is_called_what_it_is_and_nobody_is_accused(
    content: bytes, kind: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert other_than_export(content[:BEGINNING]) == kind
    assert command.main([str(file), *KEY, *arguments]) == command.NO_EXPORT
    said = capsys.readouterr()
    assert "REFUTED" not in said.out + said.err
    if arguments:
        assert json.loads(said.out) == {"verified": False, "problem": f"no log export: {kind}"}
    else:
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert f"is no log export, but {kind}. Expected is a file in the format wardenry-audit-export/1" in said.err


def test_a_directory_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(tmp_path), *KEY]) == command.NO_EXPORT
    assert f"{tmp_path} is no log export, but a directory. Expected is" in capsys.readouterr().err


def test_an_archive_is_none(tmp_path: Path) -> None:
    file = tmp_path / "archive.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("audit-log.jsonl", WHOLE)
    assert other_than_export(file.read_bytes()) == "a ZIP archive"


def test_an_export_is_one_true_or_not(tmp_path: Path) -> None:
    header = WHOLE.splitlines(keepends=True)[0]
    for content in (WHOLE, header, header[:100], WHOLE.replace(b"203.0.113.7", b"203.0.113.8")):
        assert other_than_export(content) is None


@given(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(min_value=1, max_value=255))
@settings(max_examples=300, deadline=None)
def test_an_altered_export_is_refuted_wherever_it_is_altered(position: int, change: int) -> None:
    altered = bytearray(WHOLE)
    altered[position] ^= change
    # At the very beginning it is no export any more; at its end it may be cut.
    if other_than_export(bytes(altered)) is None and altered[-1:] == b"\n":
        assert command.exit_code(verify(bytes(altered))) == command.REFUTED


@pytest.mark.parametrize("end", [20, 500, *range(1000, len(WHOLE), 997), len(WHOLE) - 1])
def test_a_cut_export_is_incomplete(end: int) -> None:
    report = verify(WHOLE[:end])
    assert report.incomplete
    assert command.exit_code(report) == command.NO_EXPORT


def test_a_cut_export_is_incomplete_at_the_end_of_a_line_too() -> None:
    lines = WHOLE.splitlines(keepends=True)
    for count in range(1, len(lines)):
        assert command.exit_code(verify(b"".join(lines[:count]))) == command.NO_EXPORT


def test_a_cut_export_that_was_altered_is_refuted() -> None:
    lines = WHOLE.replace(b"203.0.113.7", b"203.0.113.8", 1).splitlines(keepends=True)
    assert command.exit_code(verify(b"".join(lines[:3]))) == command.REFUTED
    # Without the trailer, what is left out shows all the same.
    lines = WHOLE.splitlines(keepends=True)
    assert command.exit_code(verify(b"".join([lines[0], *lines[2:4]]))) == command.REFUTED


def test_a_whole_file_that_lacks_the_last_entries_is_refuted() -> None:
    # Whoever holds the key signed it so: it was not cut on its way.
    report = verify(LOG_OF_FIVE.export(entries=[LOG_OF_FIVE.entry(index) for index in range(4)]))
    assert not report.incomplete
    assert command.exit_code(report) == command.REFUTED


def test_the_command_says_incomplete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit-log.jsonl"
    file.write_bytes(WHOLE[: len(WHOLE) // 2])
    assert command.main([str(file), *KEY]) == command.NO_EXPORT
    out = capsys.readouterr().out
    assert "INCOMPLETE: the file ends too early" in out
    assert "REFUTED" not in out
    assert command.main([str(file), *KEY, "--json"]) == command.NO_EXPORT
    assert json.loads(capsys.readouterr().out)["problem"] == "the file ends too early, as where a download stopped"


def test_a_pipe_can_be_checked_as_a_file_can() -> None:
    verify = [sys.executable, "-m", "wardenry.log.verify", "/dev/stdin", *KEY]
    for data, code in ((WHOLE, command.VERIFIED), (b"a,b\n", command.NO_EXPORT), (b"", command.NO_EXPORT)):
        ended = subprocess.run(verify, input=data, capture_output=True, check=False, env=dict(os.environ))
        assert ended.returncode == code, ended.stderr
