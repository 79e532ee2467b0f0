"""Exports: those that hold, and each way in which one can lie."""

import dataclasses
import io
import json
import os
import re
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.db.schemas import ROOT
from tests.unit.log.exports import ALICE, BOB, LOG, NOON, ORIGIN, OTHER_LOG, SIGNER, Log, event, record, verify
from wardenry.log import verify as command
from wardenry.log.checkpoint import open_checkpoint
from wardenry.log.export import ExportValue
from wardenry.log.filter import EntryFilter
from wardenry.log.note import NoteSigner, SignatureInvalid
from wardenry.log.verification import verify_export

LOG_OF_FIVE = Log(record([event(number, actor=BOB if number == 3 else ALICE) for number in range(5)]))
WHOLE = LOG_OF_FIVE.export()


def failed(data: bytes) -> set[str]:
    return set(verify(data).failed)


def test_a_whole_export_verifies() -> None:
    report = verify(WHOLE)
    assert report.verified
    assert not report.findings
    assert (report.entries, report.values, report.erased) == (5, 15, 0)
    for check in ("format", "signature", "checkpoint", "leaf", "shown", "commitment", "inclusion", "order", "root"):
        assert report.made[check], check


def test_an_empty_log_verifies() -> None:
    report = verify(Log([]).export())
    assert report.verified
    assert report.entries == 0


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (EntryFilter(subject=ALICE), 4),
        (EntryFilter(subject=BOB), 5),
        (EntryFilter(actions=("user.login",)), 0),
        (EntryFilter(actions=("user.role_changed", "user.login"), outcome="success"), 5),
        (EntryFilter(outcome="failure"), 0),
        (EntryFilter(occurred_from=NOON + timedelta(minutes=1), occurred_before=NOON + timedelta(minutes=3)), 2),
    ],
)
def test_a_filtered_export_verifies(wanted: EntryFilter, count: int) -> None:
    report = verify(LOG_OF_FIVE.export(wanted=wanted))
    assert report.verified
    assert report.entries == count


def test_erased_values_leave_their_proof() -> None:
    report = verify(Log(LOG_OF_FIVE.entries, erased={1, 2}).export())
    assert report.verified
    assert (report.values, report.erased) == (9, 6)


@given(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(min_value=1, max_value=255))
@settings(max_examples=600, deadline=None)
def test_any_changed_byte_is_found(position: int, change: int) -> None:
    changed = bytearray(WHOLE)
    changed[position] ^= change
    assert not verify(bytes(changed)).verified


@given(st.integers(min_value=0, max_value=len(WHOLE) - 1))
@settings(max_examples=200, deadline=None)
def test_any_cut_is_found(end: int) -> None:
    assert not verify(WHOLE[:end]).verified


def test_nothing_follows_the_trailer() -> None:
    assert failed(WHOLE + b"{}\n") == {"format"}


# Below, whoever lies holds the signing key too: the trailer fits, and the log's own proofs must show the lie.


def test_a_missing_entry_is_found() -> None:
    entries = [LOG_OF_FIVE.entry(index) for index in (0, 1, 3, 4)]
    assert failed(LOG_OF_FIVE.export(entries=entries)) == {"order"}
    assert (4, "entry 3 stands after entry 1") in [
        (finding.line, finding.text) for finding in verify(LOG_OF_FIVE.export(entries=entries)).findings
    ]
    assert failed(LOG_OF_FIVE.export(entries=[LOG_OF_FIVE.entry(index) for index in range(4)])) == {"order"}


def test_disorder_and_doubles_are_found() -> None:
    assert failed(LOG_OF_FIVE.export(entries=[LOG_OF_FIVE.entry(index) for index in (1, 0, 2, 3, 4)])) == {
        "order",
        "root",
    }
    doubled = [LOG_OF_FIVE.entry(index) for index in (0, 0)]
    assert failed(LOG_OF_FIVE.export(entries=doubled, wanted=EntryFilter(subject=ALICE))) == {"order"}


def test_a_changed_leaf_is_found() -> None:
    forged = record([event(2, actor=BOB)])[0]
    entries = [LOG_OF_FIVE.entry(index) for index in range(5)]
    entries[2] = dataclasses.replace(Log([*LOG_OF_FIVE.entries[:2], forged]).entry(2), proof=entries[2].proof)
    assert failed(LOG_OF_FIVE.export(entries=entries)) == {"inclusion", "root"}


def test_a_leaf_that_is_none_is_found() -> None:
    entries = [LOG_OF_FIVE.entry(index) for index in range(5)]
    entries[2] = dataclasses.replace(entries[2], leaf=b"\xff")
    assert failed(LOG_OF_FIVE.export(entries=entries)) == {"leaf", "inclusion", "root"}


def test_another_logs_entry_is_found() -> None:
    mixed = Log([*LOG_OF_FIVE.entries, *record([event(9, log=OTHER_LOG)])])
    assert failed(mixed.export()) == {"leaf"}


def test_shown_fields_that_the_leaf_does_not_say_are_found() -> None:
    entry = LOG_OF_FIVE.entry(0)
    shown = [
        {**entry.shown, "action": "user.login"},
        {**entry.shown, "note": "approved"},
        {key: value for key, value in entry.shown.items() if key != "reason"},
    ]
    for lie in shown:
        entries = [dataclasses.replace(entry, shown=lie), *(LOG_OF_FIVE.entry(index) for index in range(1, 5))]
        assert failed(LOG_OF_FIVE.export(entries=entries)) == {"shown"}


def test_a_changed_value_is_found() -> None:
    entry = LOG_OF_FIVE.entry(0)
    first = entry.values[0]
    lies = [
        [dataclasses.replace(first, value="203.0.113.8"), *entry.values[1:]],
        [dataclasses.replace(first, salt=bytes(16)), *entry.values[1:]],
        [dataclasses.replace(first, salt=bytes(3)), *entry.values[1:]],
        [dataclasses.replace(first, field="name"), *entry.values[1:]],
        [dataclasses.replace(first, person="target"), *entry.values[1:]],
        entry.values[1:],
        [*entry.values, ExportValue(person="actor", field="name", salt=bytes(16), value="Eve")],
    ]
    for values in lies:
        entries = [
            dataclasses.replace(entry, values=values),
            *(LOG_OF_FIVE.entry(index) for index in range(1, 5)),
        ]
        assert failed(LOG_OF_FIVE.export(entries=entries)) == {"commitment"}


def test_an_entry_that_was_not_asked_for_is_found() -> None:
    data = LOG_OF_FIVE.export(entries=[LOG_OF_FIVE.entry(0)], wanted=EntryFilter(actions=("user.login",)))
    assert failed(data) == {"filter"}


def test_a_checkpoint_of_another_log_or_key_is_found() -> None:
    assert "checkpoint" in failed(LOG_OF_FIVE.export(log=OTHER_LOG))
    other = NoteSigner(name=ORIGIN, seed=bytes(32))
    assert failed(LOG_OF_FIVE.export(signer=other)) == {"signature"}
    text = LOG_OF_FIVE.checkpoint().rpartition("\n\n")[0] + "\n"
    assert failed(LOG_OF_FIVE.export(checkpoint=other.sign(text))) == {"checkpoint"}


def test_a_key_speaks_for_its_own_deployment_alone() -> None:
    other = NoteSigner(name="other.example", seed=bytes(32))
    text = LOG_OF_FIVE.checkpoint().rpartition("\n\n")[0] + "\n"
    both = [SIGNER.key, other.key]
    forged = verify_export(io.BytesIO(LOG_OF_FIVE.export(checkpoint=other.sign(text), signer=other)), both)
    assert set(forged.failed) == {"checkpoint", "signature"}
    assert verify_export(io.BytesIO(WHOLE), both).verified
    with pytest.raises(SignatureInvalid):
        open_checkpoint(other.sign(text), both)


def test_a_previous_checkpoint_must_be_a_prefix() -> None:
    for size in range(6):
        previous = open_checkpoint(LOG_OF_FIVE.checkpoint(size), [SIGNER.key])
        assert verify(WHOLE, previous=previous).verified
        if size:
            rewritten = dataclasses.replace(previous, root=bytes(32))
            assert set(verify(WHOLE, previous=rewritten).failed) == {"previous"}
    longer = Log([*LOG_OF_FIVE.entries, *record([event(9)])])
    previous = open_checkpoint(longer.checkpoint(), [SIGNER.key])
    report = verify(WHOLE, previous=previous)
    assert (set(report.failed), set(report.unchecked)) == (set(), {"previous"})


def test_a_filtered_export_says_that_it_cannot_show_continuity() -> None:
    filtered = LOG_OF_FIVE.export(wanted=EntryFilter(subject=ALICE))
    report = verify(filtered, previous=open_checkpoint(LOG_OF_FIVE.checkpoint(3), [SIGNER.key]))
    assert not report.verified
    assert not report.failed
    assert set(report.unchecked) == {"previous"}
    assert command.exit_code(report) == command.UNCHECKED
    same = open_checkpoint(LOG_OF_FIVE.checkpoint(), [SIGNER.key])
    assert command.exit_code(verify(filtered, previous=same)) == command.VERIFIED
    rewritten = dataclasses.replace(same, root=bytes(32))
    assert command.exit_code(verify(filtered, previous=rewritten)) == command.REFUTED


_HALF_A_CHARACTER = b'{"count":5,"signature":"\\ud800","type":"trailer"}\n'


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"[]\n", b"\xff\n", b"{}\n", b"[" * 100_000 + b"\n", WHOLE[10:], _HALF_A_CHARACTER],
)
def test_what_is_no_export_is_refuted(data: bytes) -> None:
    report = verify(data)
    assert not report.verified
    assert report.failed["format"]


@pytest.mark.parametrize(
    "time",
    ["", "yesterday", "2026-11-22T12:00:00Zx", "2026-11-22T12:00:00", "2026-13-22T12:00:00Z", "2026-11-22T12:00:00.1Z"],
)
def test_a_time_of_record_that_is_none_is_found(time: str) -> None:
    entries = [dataclasses.replace(LOG_OF_FIVE.entry(index), recorded_at=time) for index in range(5)]
    assert "format" in failed(LOG_OF_FIVE.export(entries=entries))


@pytest.mark.parametrize("arguments", [(), ("--json",)])
@pytest.mark.parametrize(("change", "code"), [(0, command.VERIFIED), (1, command.REFUTED)])
def test_the_exit_code_says_what_was_found_though_nobody_reads_it(
    tmp_path: Path, arguments: tuple[str, ...], change: int, code: int
) -> None:
    file = tmp_path / "export"
    file.write_bytes(WHOLE.replace(b"203.0.113.7", b"203.0.113.8", change))
    verify = [sys.executable, "-m", "wardenry.log.verify", str(file), "--key", str(SIGNER.key), *arguments]
    # A pipe whose reader has gone, and no standard output at all.
    reader, writer = os.pipe()
    os.close(reader)
    gone = subprocess.run(verify, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    closed = subprocess.run(["sh", "-c", f"{shlex.join(verify)} >&-"], stderr=subprocess.PIPE, check=False)
    for ended in (gone, closed):
        assert (ended.returncode, ended.stderr) == (code, b"")


def test_the_command_tells_by_exit_code_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, previous = tmp_path / "good", tmp_path / "bad", tmp_path / "previous"
    good.write_bytes(WHOLE)
    bad.write_bytes(WHOLE.replace(b"203.0.113.7", b"203.0.113.8", 1))
    previous.write_text(LOG_OF_FIVE.checkpoint(2))
    key = str(SIGNER.key)
    assert command.main([str(good), "--key", key, "--previous", str(previous)]) == command.VERIFIED
    out = capsys.readouterr().out
    assert "VERIFIED (operator-asserted" in out
    assert str(LOG) in out
    assert "\x1b" not in out
    assert command.main([str(bad), "--key", key]) == command.REFUTED
    out = capsys.readouterr().out
    assert "entry 0: ip_address is not what was committed to" in out
    assert "REFUTED" in out
    assert command.main([str(bad), "--key", key, "--json"]) == command.REFUTED
    report = json.loads(capsys.readouterr().out)
    assert report["verified"] is False
    assert report["checks"]["commitment"] == {"made": 15, "failed": 1}


def test_the_keys_are_read_as_the_gateway_serves_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, keys = tmp_path / "good", tmp_path / "log-keys.json"
    good.write_bytes(WHOLE)
    keys.write_text(json.dumps({"keys": [str(SIGNER.key)]}))
    assert command.main([str(good), "--keys", str(keys)]) == command.VERIFIED
    keys.write_text(json.dumps({"keys": []}))
    assert command.main([str(good), "--keys", str(keys)]) == command.REFUTED
    keys.write_text(json.dumps({"keys": ["name+00000000+AQ"]}))
    assert command.main([str(good), "--keys", str(keys)]) == command.USAGE
    assert "log-keys.json is not what" in capsys.readouterr().err


def test_wrong_usage_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = str(SIGNER.key)
    missing = str(tmp_path / "missing")
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"\xff")
    for arguments in (
        [missing, "--key", key],
        [missing, "--key", "rubbish"],
        [str(rubbish), "--key", key, "--previous", str(rubbish)],
        [str(rubbish), "--key", key, "--previous", missing],
        [missing],
        [missing, "--keys", missing],
        [missing, "--keys", str(rubbish)],
    ):
        assert command.main(arguments) == command.USAGE
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("wardenry-verify: ")


def test_verification_needs_no_service_and_no_network() -> None:
    loaded = {name.partition(".")[0] for name in sys.modules if name.startswith("wardenry.log")}
    assert loaded == {"wardenry"}
    source = Path(command.__file__).parent
    imported = "".join(path.read_text() for path in source.glob("*.py"))
    for module in ("grpc", "socket", "asyncio", "urllib", "libs."):
        assert f"import {module}" not in imported
        assert f"from {module}" not in imported


def test_the_page_lists_what_is_written_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/operations/verify-a-log.md").read_text()
    rows = re.findall(r"^\| (`[^|]+`) \| .+ \|$", page, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert listed == list(command.as_json(verify(WHOLE)))
    (tmp_path / "csv").write_text("index,action\n")
    assert command.main([str(tmp_path / "csv"), "--key", str(SIGNER.key), "--json"]) == command.NO_EXPORT
    assert list(json.loads(capsys.readouterr().out)) == listed[:2]
