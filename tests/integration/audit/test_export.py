"""Exports, checked by what an auditor runs."""

import csv
import io
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from libs.events.caller import Caller
from libs.events.client import Client
from libs.events.event import PersonalValues
from services.audit.commands.export import ExportFormat
from services.audit.domain.errors import KeysUnavailable
from tests.support.audit import ALICE, BOB, LOG, OTHER_LOG, SESSION, SIGNER, AuditOnPostgres
from wardenry.log.checkpoint import open_checkpoint
from wardenry.log.filter import EntryFilter
from wardenry.log.verification import Report, verify_export

CAROL = UUID("01900000-0000-7000-8000-0000000000c0")
CALLER = Caller(
    subject=CAROL,
    session=SESSION,
    client_id="gateway",
    client=Client(address="203.0.113.7", agent="Mozilla/5.0", country="DE"),
)
EVERYTHING = EntryFilter()


async def exported(
    audit: AuditOnPostgres, wanted: EntryFilter = EVERYTHING, form: ExportFormat = ExportFormat.JSON_LINES
) -> bytes:
    return b"".join([part async for part in audit.exporting.export(CALLER, LOG, wanted, form)])


def verified(data: bytes) -> Report:
    report = verify_export(io.BytesIO(data), [SIGNER.key])
    assert report.verified, report.findings
    return report


async def test_an_export_verifies_off_line(audit: AuditOnPostgres) -> None:
    for number in (1, 300, 700):
        await audit.intake.take([*audit.records(number), *audit.records(2, log=OTHER_LOG)])
    report = verified(await exported(audit))
    assert report.entries == 1001
    assert report.values == 4 * 1001
    assert report.made["root"] == 1
    assert report.checkpoint is not None
    assert report.checkpoint.size == 1001


async def test_a_filtered_export_verifies(audit: AuditOnPostgres) -> None:
    await audit.intake.take([*audit.records(20), *audit.records(3, actor=BOB), *audit.records(20)])
    report = verified(await exported(audit, EntryFilter(subject=ALICE, actions=("user.role_changed",))))
    assert report.entries == 40
    assert report.made["filter"] == 40


async def test_an_export_continues_an_earlier_checkpoint(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(10))
    previous = open_checkpoint((await audit.proving.checkpoint(LOG)).note, [SIGNER.key])
    await audit.intake.take(audit.records(10))
    report = verify_export(io.BytesIO(await exported(audit)), [SIGNER.key], previous=previous)
    assert report.verified
    assert report.made["previous"] == 1


async def test_an_empty_log_can_be_exported(audit: AuditOnPostgres) -> None:
    assert verified(await exported(audit)).entries == 0


async def test_erased_values_are_told_and_all_proofs_hold(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(5))
    audit.vault.destroy(ALICE)
    report = verified(await exported(audit))
    assert (report.values, report.erased) == (5, 15)


async def test_a_row_that_was_tampered_with_is_found(audit: AuditOnPostgres) -> None:
    """By somebody with every right on the cluster, who is stopped by nothing but the proof."""
    await audit.intake.take(audit.records(5))
    connection = await asyncpg.connect(audit.service_database.administrator)
    await connection.execute("SET session_replication_role = replica")
    changed = await connection.execute(
        "UPDATE entry SET leaf = set_byte(leaf, length(leaf) - 1, get_byte(leaf, length(leaf) - 1) # 1) WHERE index = 3"
    )
    await connection.close()
    assert changed == "UPDATE 1"
    report = verify_export(io.BytesIO(await exported(audit)), [SIGNER.key])
    assert not report.verified
    assert {"inclusion", "root"} <= set(report.failed)


async def test_that_it_was_asked_for_is_certain_before_the_first_byte(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(1))
    parts = audit.exporting.export(CALLER, LOG, EntryFilter(subject=BOB), ExportFormat.CSV)
    await anext(parts)
    ((action, envelope),) = await audit.outbox()
    assert action == "export.requested"
    assert b"csv" in envelope
    assert str(BOB).encode() in envelope
    assert b"203.0.113.7" not in envelope
    assert b"Mozilla" not in envelope


async def test_nothing_is_sent_when_that_cannot_be_recorded(audit: AuditOnPostgres) -> None:
    audit.vault.down = True
    with pytest.raises(KeysUnavailable):
        await exported(audit)
    assert not await audit.outbox()


async def test_a_spreadsheet_shows_and_does_not_run(audit: AuditOnPostgres) -> None:
    event = audit.event(details={"note": 'a\r\nb,"c"', "x": "=1"}, reason="")
    await audit.intake.take([audit.record(event)])
    data = (await exported(audit, form=ExportFormat.CSV)).decode()
    (row,) = csv.DictReader(io.StringIO(data, newline=""))
    assert row["actor_user_agent"] == '\'=HYPERLINK("x")'
    assert row["target_name"] == "Bob Ω"
    assert row["target_user_agent"] == ""
    assert row["country"] == "DE"
    assert data.count("\r\n") == 2
    audit.vault.destroy(ALICE)
    (row,) = csv.DictReader(io.StringIO((await exported(audit, form=ExportFormat.CSV)).decode(), newline=""))
    assert row["actor_ip_address"] == "(erased)"


async def test_a_spreadsheet_shows_what_a_name_was_before_it_was_corrected(audit: AuditOnPostgres) -> None:
    values = {"name": "Bob Ω", "previous_name": "+Bob"}
    person = PersonalValues(role="target", reader_key=audit.vault.key_of(BOB, LOG), values=values)
    await audit.intake.take([audit.record(audit.event(personal=(person,)))])
    (row,) = csv.DictReader(io.StringIO((await exported(audit, form=ExportFormat.CSV)).decode(), newline=""))
    assert (row["target_previous_name"], row["target_name"]) == ("'+Bob", "Bob Ω")
    assert (row["actor_previous_name"], row["actor_name"]) == ("", "")


async def test_memory_does_not_grow_with_the_size_of_entries(audit: AuditOnPostgres) -> None:
    """What a product says of its records may be a hundred times as much as usual."""
    largest = audit.largest()
    for _ in range(2):
        events = [replace(largest, event_id=audit.ids.uuid7()) for _ in range(200)]
        await audit.intake.take([audit.record(event) for event in events])
    for form in ExportFormat:
        tracemalloc.start()
        written = sum([len(part) async for part in audit.exporting.export(CALLER, LOG, EVERYTHING, form)])
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert written > 400 * 65_000
        assert top < 60 * 1024 * 1024


async def test_memory_does_not_grow_with_the_log(audit: AuditOnPostgres) -> None:
    for _ in range(4):
        events = [audit.event(personal=(), tags=None) for _ in range(1000)]
        await audit.intake.take([audit.record(event) for event in events])
        audit.clock.advance(60)

    async def peak(wanted: EntryFilter) -> int:
        tracemalloc.start()
        async for _ in audit.exporting.export(CALLER, LOG, wanted, ExportFormat.JSON_LINES):
            pass
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return top

    first_thousand = EntryFilter(occurred_before=audit.clock.now() - timedelta(seconds=200))
    await peak(first_thousand)
    assert await peak(EVERYTHING) < 1.5 * await peak(first_thousand)
