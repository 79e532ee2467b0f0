"""What a client may put into an entry, and what comes of it in exports and on terminals (CASES 30)."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.events.caller import Caller
from libs.events.client import UNKNOWN
from libs.events.event import PersonalValues, Target
from services.audit.commands.export import ExportFormat
from tests.support.audit import ALICE, BOB, LOG, SESSION, SIGNER, AuditOnPostgres, audit_on
from tests.support.postgres import ServiceDatabases
from wardenry.log import verify as command
from wardenry.log.export import parse_line
from wardenry.log.filter import EntryFilter
from wardenry.log.leaf import parse_leaf
from wardenry.log.verification import verify_export

CALLER = Caller(subject=BOB, session=SESSION, client_id="gateway", client=UNKNOWN)
AGENTS = [
    "=cmd|'/c calc'!A0",
    "+1",
    "@SUM(1)",
    "-2",
    "a\r\nb",
    'a","b\n"c',
    "\x1b]0;title\x07\x1b[31mred",
    "\u202egnp.exe",
    "\u2028\u2029\x85",
    "x" * 1_000_000,
    "\ud800 lone",
    "\x00",
    "=" * 2000,
]


@pytest.fixture
async def audit(service_database: ServiceDatabases) -> AsyncIterator[AuditOnPostgres]:
    async with audit_on(service_database("audit")) as audit:
        records = []
        for agent in AGENTS:
            personal = PersonalValues(role="actor", reader_key=audit.vault.key_of(ALICE), values={"user_agent": agent})
            details = {"note": agent[:1000].encode(errors="replace").decode(), "=k": "v"}
            event = audit.event(personal=(personal,), details=details, target=Target(kind="invoice", id=b"=1\n\xff"))
            records.append(audit.record(event))
        await audit.intake.take(records)
        assert not await audit.parked()
        yield audit


async def exported(audit: AuditOnPostgres, form: ExportFormat) -> bytes:
    return b"".join([part async for part in audit.exporting.export(CALLER, LOG, EntryFilter(), form)])


async def test_a_spreadsheet_has_one_row_an_entry_and_no_formula(audit: AuditOnPostgres) -> None:
    text = (await exported(audit, ExportFormat.CSV)).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == len(AGENTS) + 1
    assert text.count("\n") == len(rows)
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "-", "@"))
        assert cell.isprintable()
        assert len(cell) < 20_000


async def test_json_lines_have_one_line_an_entry_and_verify(audit: AuditOnPostgres) -> None:
    data = await exported(audit, ExportFormat.JSON_LINES)
    assert data.count(b"\n") == len(AGENTS) + 2
    assert b"\x1b" not in data
    assert verify_export(io.BytesIO(data), [SIGNER.key]).verified


async def test_a_hostile_export_cannot_speak_to_the_terminal(
    audit: AuditOnPostgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = await exported(audit, ExportFormat.JSON_LINES)
    hostile = data.replace(b'"field":"user_agent"', b'"field":"\\u001b[2Juser_agent"').replace(
        b"\xe2\x80\xae", b"\x1b[2J"
    )
    (tmp_path / "file").write_bytes(hostile + b"\x1b[2J\n")
    assert command.main([str(tmp_path / "file"), "--key", str(SIGNER.key)]) == command.REFUTED
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.splitlines())
    leaf = next(parse_line(line) for line in data.splitlines(keepends=True)[1:])
    assert parse_leaf(leaf.leaf).target_id == "=1\n\\xff"  # type: ignore[union-attr] # the second line is an entry
