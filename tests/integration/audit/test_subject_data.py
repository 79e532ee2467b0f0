"""Audit's part in people's rights: a person's own entries, in every log, without anybody else's values."""

from uuid import UUID

from libs.ids import PLATFORM
from services.audit.commands.subject_data import SubjectData
from services.audit.store.subject_data import PostgresSubjectLogs
from tests.support.audit import ALICE, BOB, LOG, AuditOnPostgres
from wardenry.subject_data import Value


def subject_data(audit: AuditOnPostgres) -> SubjectData:
    return SubjectData(units=audit.units, logs=PostgresSubjectLogs(database=audit.database), vault=audit.vault)


async def rows_of(audit: AuditOnPostgres, subject: UUID) -> list[dict[str, Value]]:
    data = subject_data(audit)
    (category,) = data.categories()
    rows = [dict(row.values) async for row in data.rows(subject)]
    assert all(row.keys() == set(category.fields) for row in rows)
    return rows


async def test_a_person_is_shown_their_entries_of_every_log(audit: AuditOnPostgres) -> None:
    carol, other = audit.ids.uuid7(), audit.ids.uuid7()
    await audit.intake.take(
        [*audit.records(2), *audit.records(1, log=PLATFORM), *audit.records(1, log=other, actor=carol)]
    )
    rows = await rows_of(audit, ALICE)
    assert sorted((row["log_id"], row["index"]) for row in rows) == [(str(PLATFORM), 0), (str(LOG), 0), (str(LOG), 1)]
    assert {(row["part"], row["ip_address"], row["device_fingerprint"]) for row in rows} == {
        ("actor", "203.0.113.7", "d1")
    }
    # Whom they acted on is somebody else.
    assert {(row["target_kind"], row["target_id"], row["name"]) for row in rows} == {("subject", "", None)}
    assert await rows_of(audit, audit.ids.uuid7()) == []


async def test_who_was_acted_on_sees_nothing_of_who_acted(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(1))
    (row,) = await rows_of(audit, BOB)
    assert (row["part"], row["name"], row["target_id"]) == ("target", "Bob Ω", str(BOB))
    assert not [row[field] for field in ("ip_address", "user_agent", "session_id", "client", "country") if row[field]]
    assert str(ALICE) not in str(row)


async def test_more_than_a_page_is_shown_and_an_erased_persons_values_are_not(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(501))
    assert len({row["index"] for row in await rows_of(audit, ALICE)}) == 501
    leaves = await audit.leaves()
    erased = await subject_data(audit).erase(ALICE)
    assert (erased.rows, [each.category for each in erased.kept]) == (0, ["entries"])
    audit.vault.destroy(ALICE)
    rows = await rows_of(audit, ALICE)
    assert {row["ip_address"] for row in rows} == {None}
    assert await audit.leaves() == leaves
    assert await subject_data(audit).rectify(ALICE, field="name", value="x") == 0
