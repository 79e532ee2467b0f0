"""Somebody with every right on the log's database changes it. Nothing stops them there; the proofs show it."""

import io
from collections.abc import AsyncIterator

import asyncpg
import pytest

from libs.events.caller import Caller
from libs.events.client import UNKNOWN
from libs.merkle.proofs import HashesMissing
from services.audit.commands.export import ExportFormat
from tests.support.audit import ALICE, BOB, LOG, SESSION, SIGNER, AuditOnPostgres, audit_on
from tests.support.postgres import ServiceDatabases
from wardenry.log.checkpoint import Checkpoint, open_checkpoint
from wardenry.log.filter import EntryFilter
from wardenry.log.leaf import LeafInvalid
from wardenry.log.verification import Report, verify_export

LAST = "length(leaf) - 1"
CALLER = Caller(subject=BOB, session=SESSION, client_id="gateway", client=UNKNOWN)


@pytest.fixture
async def audit(service_database: ServiceDatabases) -> AsyncIterator[AuditOnPostgres]:
    async with audit_on(service_database("audit")) as audit:
        await audit.intake.take(audit.records(6))
        yield audit


async def change(audit: AuditOnPostgres, *statements: str) -> None:
    connection = await asyncpg.connect(audit.service_database.administrator)
    await connection.execute("SET session_replication_role = replica")  # which silences the triggers
    for statement in statements:
        assert await connection.execute(statement) not in ("UPDATE 0", "DELETE 0")
    await connection.close()


async def exported(audit: AuditOnPostgres) -> bytes:
    parts = audit.exporting.export(CALLER, LOG, EntryFilter(), ExportFormat.JSON_LINES)
    return b"".join([part async for part in parts])


async def verified(audit: AuditOnPostgres, *, previous: Checkpoint | None = None) -> Report:
    return verify_export(io.BytesIO(await exported(audit)), [SIGNER.key], previous=previous)


async def test_an_untouched_log_verifies(audit: AuditOnPostgres) -> None:
    assert (await verified(audit)).verified


@pytest.mark.parametrize(
    ("statements", "check"),
    [
        (
            [f"UPDATE entry SET leaf = set_byte(leaf, {LAST}, 255 - get_byte(leaf, {LAST})) WHERE index = 2"],
            "inclusion",
        ),
        (["UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE index = 3) WHERE index = 2"], "inclusion"),
        (["DELETE FROM entry WHERE index = 2"], "order"),
        (["DELETE FROM entry WHERE index = 5"], "order"),
        (
            [
                "UPDATE entry SET index = 100 WHERE index = 2",
                "UPDATE entry SET index = 2 WHERE index = 3",
                "UPDATE entry SET index = 3 WHERE index = 100",
            ],
            "inclusion",
        ),
        (["UPDATE hash_run SET hashes = sha256('x') || substr(hashes, 33)"], "inclusion"),
        (["UPDATE checkpoint SET note = replace(note, E'\\n6\\n', E'\\n7\\n')"], "checkpoint"),
    ],
)
async def test_what_was_changed_is_found(audit: AuditOnPostgres, statements: list[str], check: str) -> None:
    await change(audit, *statements)
    report = await verified(audit)
    assert not report.verified
    assert report.failed[check]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("DELETE FROM hash_run", HashesMissing),
        ("UPDATE entry SET leaf = leaf || '\\x00' WHERE index = 2", LeafInvalid),
    ],
)
async def test_what_cannot_be_read_any_more_stops_the_export(
    audit: AuditOnPostgres, statement: str, error: type[Exception]
) -> None:
    await change(audit, statement)
    with pytest.raises(error):
        await exported(audit)


async def test_values_moved_to_another_entry_are_not_shown_as_its_own(
    audit: AuditOnPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    await change(
        audit,
        "UPDATE entry_personal SET actor_message = other.actor_message FROM entry_personal AS other"
        " WHERE entry_personal.index = 1 AND other.index = 0",
    )
    page = await audit.listing.list(LOG, EntryFilter(), size=6, page="")
    assert set(page.entries[4].values) == {("target", "name")}
    assert len(page.entries[5].values) == 4
    assert "cannot be opened" in caplog.text
    assert (await verified(audit)).verified


async def test_values_moved_to_the_other_person_are_not_shown_as_theirs(audit: AuditOnPostgres) -> None:
    await change(
        audit,
        "UPDATE entry_personal SET target_message = actor_message, target_key_id = actor_key_id WHERE index = 1",
    )
    page = await audit.listing.list(LOG, EntryFilter(), size=6, page="")
    assert ("target", "name") not in page.entries[4].values


async def test_a_history_rewritten_by_the_holder_of_the_key_contradicts_a_kept_checkpoint(
    audit: AuditOnPostgres, service_database: ServiceDatabases
) -> None:
    kept = open_checkpoint((await audit.proving.checkpoint(LOG)).note, [SIGNER.key])
    async with audit_on(service_database("audit")) as rewritten:
        rewritten.vault = audit.vault
        await rewritten.intake.take(rewritten.records(8))
        alone = await verified(rewritten)
        assert alone.verified
        report = await verified(rewritten, previous=kept)
        assert set(report.failed) == {"previous"}


async def test_search_columns_that_lie_hide_nothing_from_a_whole_export(audit: AuditOnPostgres) -> None:
    await change(audit, f"UPDATE entry SET actor_id = '{BOB}', action = 'x.y' WHERE index = 2")
    assert (await verified(audit)).verified
    wanted = EntryFilter(subject=ALICE)
    parts = audit.exporting.export(CALLER, LOG, wanted, ExportFormat.JSON_LINES)
    report = verify_export(io.BytesIO(b"".join([part async for part in parts])), [SIGNER.key])
    assert report.verified
    assert report.entries == 5
