"""A log of which stored entries are gone is held back alone, and taken up again once it is whole."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg
import pytest

from libs.controls.examined import Finding
from libs.db.pool import Database
from libs.ids import PLATFORM
from services.audit.commands.control import ExamineHeldLogs
from services.audit.commands.segment import StoreSegments
from services.audit.commands.segment_held import ReturnHeldLogs
from services.audit.domain.errors import AnchorNotFound, SegmentsAhead
from services.audit.domain.segment import Segment
from services.audit.fsck.report import DAMAGED, HOLDS
from services.audit.fsck.store import Fsck
from services.audit.jobs.anchor import AnchorGrownLogs
from services.audit.jobs.segment_held import ReturnWholeLogs
from tests.support.audit import LOG, OTHER_LOG, AuditOnPostgres
from tests.support.events import eventually, running

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def superuser(audit: AuditOnPostgres) -> AsyncIterator[Superuser]:
    """Whom neither rights nor triggers hinder."""
    connection = await asyncpg.connect(audit.service_database.administrator)
    await connection.execute("SET session_replication_role = replica; CREATE TABLE taken AS TABLE entry WITH NO DATA")
    yield connection
    await connection.close()


@pytest.fixture
def held(audit: AuditOnPostgres) -> ReturnHeldLogs:
    return ReturnHeldLogs(units=audit.units, segments=audit.segments)


async def appended(audit: AuditOnPostgres, *sizes: int, log: UUID = LOG) -> None:
    """Each in one transaction, with two entries of the other log; no segment holds them yet."""
    audit.objects.down = True
    for size in sizes:
        await audit.intake.take([*audit.records(size, log=log), *audit.records(2, log=OTHER_LOG)])
    audit.objects.down = False


async def take(superuser: Superuser, index: int, log: UUID = LOG) -> None:
    status = await superuser.execute(
        "WITH gone AS (DELETE FROM entry WHERE log_id = $1 AND index = $2 RETURNING *) INSERT INTO taken TABLE gone",
        log,
        index,
    )
    assert status == "INSERT 0 1"


async def give_back(superuser: Superuser) -> None:
    await superuser.execute("INSERT INTO entry TABLE taken; DELETE FROM taken")


async def released(audit: AuditOnPostgres, log: UUID = LOG) -> int:
    return (await audit.proving.checkpoint(log)).size


def places(audit: AuditOnPostgres, log: UUID = LOG) -> list[int]:
    """What segments hold of the log, in the chain's order."""
    segments = [Segment.parse(data) for _, data in sorted(audit.objects.stored.items())]
    return [entry.index for segment in segments for entry in segment.entries if entry.log == log]


async def test_a_damaged_log_is_held_back_alone_and_comes_back(
    audit: AuditOnPostgres, superuser: Superuser, held: ReturnHeldLogs, caplog: pytest.LogCaptureFixture
) -> None:
    await audit.intake.take(audit.records(3))
    await appended(audit, 4, 1)
    await take(superuser, 5)
    await audit.segments.store()
    assert (await released(audit), await released(audit, OTHER_LOG)) == (3, 4)
    (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (told.getMessage(), told.__dict__["alarm"]) == (
        f"log {LOG} is held back, and no checkpoint of it is released: entry 5 is missing",
        "entries_missing",
    )
    # Both go on, and what was fine of the damaged one waits with the rest of it.
    await audit.intake.take([*audit.records(2), *audit.records(1, log=OTHER_LOG)])
    await audit.intake.take(audit.records(600))
    assert (await audit.size(), await released(audit), await released(audit, OTHER_LOG)) == (610, 3, 5)
    assert (places(audit), places(audit, OTHER_LOG)) == ([0, 1, 2], [0, 1, 2, 3, 4])
    caplog.clear()
    assert await held.look() == set()
    assert f"entry 5 of log {LOG} is missing or another" in caplog.text
    assert await released(audit) == 3

    await give_back(superuser)
    job = ReturnWholeLogs(held=held, checkpoints=audit.checkpoints, clock=audit.clock)
    async with running(job.run()):

        async def over() -> bool:
            async with audit.units.begin([LOG]) as work:
                return (await work.checkpoints.newest([LOG]))[LOG].size == 610

        await eventually(over)
    assert places(audit) == list(range(610))
    await audit.intake.take(audit.records(1))
    assert await released(audit) == 611


async def test_one_that_is_another_entry_is_not_taken_for_the_one_that_is_gone(
    audit: AuditOnPostgres, superuser: Superuser, held: ReturnHeldLogs
) -> None:
    await appended(audit, 300)
    await take(superuser, 280)
    await audit.segments.store()
    await superuser.execute("UPDATE taken SET leaf = leaf || 'x'")
    await give_back(superuser)
    assert await held.look() == set()
    await superuser.execute("UPDATE entry SET leaf = substring(leaf FOR length(leaf) - 1) WHERE index = 280")
    # Another one went meanwhile.
    await take(superuser, 7)
    assert await held.look() == set()
    assert (await released(audit), places(audit)) == (0, [])
    await give_back(superuser)
    assert await held.look() == {LOG}
    assert (await released(audit), places(audit)) == (300, list(range(300)))


async def test_the_platform_log_takes_the_heads_of_the_others(
    audit: AuditOnPostgres, jobs: Database, superuser: Superuser
) -> None:
    await appended(audit, 4)
    await take(superuser, 0)
    await audit.segments.store()
    anchoring = AnchorGrownLogs(jobs=jobs, anchoring=audit.anchoring, interval=timedelta(minutes=1), clock=audit.clock)
    assert await anchoring.anchor() == 1
    await audit.deliver()
    assert await released(audit, PLATFORM) == 1
    assert (await audit.anchors.prove(OTHER_LOG, size=0)).checkpoint.size == 2
    with pytest.raises(AnchorNotFound):
        await audit.anchors.prove(LOG, size=0)


async def test_a_damaged_platform_log_holds_no_workspace_back(audit: AuditOnPostgres, superuser: Superuser) -> None:
    await appended(audit, 3, log=PLATFORM)
    await take(superuser, 1, log=PLATFORM)
    await audit.segments.store()
    await audit.intake.take(audit.records(1))
    assert (await released(audit, PLATFORM), await released(audit), await released(audit, OTHER_LOG)) == (0, 1, 2)


async def test_operators_are_told(audit: AuditOnPostgres, fsck: Fsck, superuser: Superuser) -> None:
    examine = ExamineHeldLogs(units=audit.units)
    assert (await examine()).findings == ()
    await appended(audit, 4)
    await take(superuser, 262)
    await audit.segments.store()
    report = await fsck.check()
    assert report.exit_code == DAMAGED
    (told,) = [finding for finding in report.findings if finding.check == "release"]
    assert (told.log, told.text.split(": ")[1]) == (LOG, "entry 262 was missing")
    assert (await examine()).findings == (Finding(f"log {LOG}", "no checkpoint is released: entry 262 was missing"),)
    await give_back(superuser)
    held = ReturnHeldLogs(units=audit.units, segments=audit.segments)
    await held.look()
    assert (await examine()).findings == ()
    assert (await fsck.check()).exit_code == HOLDS


async def test_what_is_put_back_goes_into_parts_that_can_be_stored(
    audit: AuditOnPostgres, superuser: Superuser, held: ReturnHeldLogs
) -> None:
    await appended(audit, 30)
    await take(superuser, 1)
    await audit.segments.store()
    await give_back(superuser)
    # As if each had a megabyte: no object store would take all of them at once.
    await superuser.execute("UPDATE segment_held SET size = 30 << 20")
    assert await held.look() == {LOG}
    assert places(audit) == list(range(30))
    of_log = [
        len([0 for entry in Segment.parse(data).entries if entry.log == LOG]) for data in audit.objects.stored.values()
    ]
    assert sorted(of_log) == [0, 6, 8, 8, 8]
    rows = await superuser.fetch("SELECT counts FROM segment_part WHERE $1 = ANY (logs) ORDER BY id", LOG)
    assert [row["counts"] for row in rows] == [[4]] * 7 + [[2]]


async def test_processes_that_look_at_once_put_a_log_back_once(
    audit: AuditOnPostgres, superuser: Superuser, held: ReturnHeldLogs
) -> None:
    await appended(audit, 2, 2)
    await take(superuser, 1)
    await audit.segments.store()
    await give_back(superuser)
    async with audit.units.begin([]) as work:
        (seen,) = await work.segments.held()
    await appended(audit, 1)
    async with audit.units.begin([LOG]) as work:
        # More of the log waits: what is held back would come after it.
        assert not await work.segments.put_back(seen, at_most=10)
    assert await held.look() == {LOG}
    async with audit.units.begin([LOG]) as work:
        assert not await work.segments.put_back(seen, at_most=10)
    assert (await released(audit), places(audit)) == (5, [0, 1, 2, 3, 4])


def restart(audit: AuditOnPostgres) -> None:
    """The next process remembers nothing."""
    audit.segments = StoreSegments(units=audit.units, objects=audit.objects, clock=audit.clock)
    audit.intake = audit.new_intake()


async def killed_before_noting(audit: AuditOnPostgres, superuser: Superuser) -> None:
    """What was appended last is in the object store, and its process was killed before a row said so."""
    await audit.segments.store()
    await superuser.execute("""
        UPDATE segment_part SET segment = NULL WHERE segment = (SELECT max(number) FROM segment);
        DELETE FROM segment WHERE number = (SELECT max(number) FROM segment)
    """)


async def test_an_entry_that_is_lost_after_its_segment_was_left_behind_holds_back_its_log_alone(
    audit: AuditOnPostgres, superuser: Superuser, caplog: pytest.LogCaptureFixture
) -> None:
    """The segment of a killed process holds it, and the database does not: as one that was restored, and it is not."""
    await audit.intake.take(audit.records(3))
    await appended(audit, 4)
    await killed_before_noting(audit, superuser)
    await take(superuser, 5)
    restart(audit)
    await audit.segments.check()
    await audit.segments.store()
    assert f"log {LOG} is held back, and no checkpoint of it is released: entry 5 is missing" in caplog.text
    assert (await released(audit), await released(audit, OTHER_LOG)) == (3, 2)
    await audit.intake.take([*audit.records(1), *audit.records(1, log=OTHER_LOG)])
    assert (await released(audit), await released(audit, OTHER_LOG)) == (3, 3)
    await give_back(superuser)
    assert await ReturnHeldLogs(units=audit.units, segments=audit.segments).look() == {LOG}
    assert await released(audit) == 8


async def test_an_entry_that_was_changed_after_its_segment_was_left_behind_stops_no_other_log(
    audit: AuditOnPostgres, superuser: Superuser
) -> None:
    await appended(audit, 4)
    await killed_before_noting(audit, superuser)
    await superuser.execute("UPDATE entry SET leaf = leaf || '\\x00' WHERE log_id = $1 AND index = 2", LOG)
    restart(audit)
    await audit.segments.check()
    await audit.segments.store()
    assert await released(audit, OTHER_LOG) == 2


async def test_a_segment_left_behind_is_known_by_its_entries_where_hashes_are_lost(
    audit: AuditOnPostgres, superuser: Superuser
) -> None:
    await appended(audit, 4)
    await killed_before_noting(audit, superuser)
    await superuser.execute("DELETE FROM hash_run WHERE log_id = $1", LOG)
    restart(audit)
    await audit.segments.check()
    await take(superuser, 2)
    restart(audit)
    # Neither tree nor entry: nothing tells this from a database that was restored.
    with pytest.raises(SegmentsAhead):
        await audit.segments.check()
