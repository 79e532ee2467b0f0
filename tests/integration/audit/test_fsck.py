"""Every kind of damage to what audit stores is found, and named; an undamaged store holds."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from libs.config.settings import read, variable_of
from libs.db.errors import DatabaseUnavailable
from libs.db.schemas import ROOT
from services.audit.clients.segment import ObjectStoreSegments
from services.audit.config import AuditSettings
from services.audit.domain.segment import Segment, Span, segment_name
from services.audit.fsck.__main__ import check
from services.audit.fsck.progress import shown_on
from services.audit.fsck.report import CHECKS, DAMAGED, HOLDS, UNCHECKED, FsckReport
from services.audit.fsck.store import Fsck
from tests.support.audit import LOG, OTHER_LOG, SIGNER, AuditOnPostgres
from tests.support.audit_service import audit_settings
from tests.support.mutual_tls import CertificatesForTests
from tests.support.ports import free_port
from wardenry.log.note import NoteSigner

TABLES = ("entry", "entry_personal", "hash_run", "checkpoint", "tree_head", "anchor", "segment", "segment_part")
FORGER = NoteSigner(name=SIGNER.key.name, seed=bytes(range(1, 33)))

#: What is done by somebody who may do anything to the database, and the check that must say so.
DAMAGES = {
    "a leaf is changed": (
        "UPDATE entry SET leaf = set_byte(leaf, 60, get_byte(leaf, 60) # 1) WHERE log_id = '{log}' AND index = 5",
        "hash",
    ),
    "a leaf and its hash are changed": (
        "UPDATE entry SET leaf = other.leaf, event_id = other.event_id, occurred_at = other.occurred_at"
        " FROM entry AS other WHERE entry.log_id = '{log}' AND entry.index = 5"
        " AND other.log_id = '{log}' AND other.index = 6;"
        "UPDATE hash_run SET hashes = overlay(hashes PLACING substring(hashes FROM 6 * 32 + 1 FOR 32) FROM 5 * 32 + 1)"
        " WHERE log_id = '{log}' AND level = 0 AND first = 0",
        "checkpoint",
    ),
    "a row says something else than its leaf": (
        "UPDATE entry SET actor_id = gen_random_uuid() WHERE log_id = '{log}' AND index = 5",
        "leaf",
    ),
    "an entry is deleted": ("DELETE FROM entry WHERE log_id = '{log}' AND index = 5", "density"),
    "the last entry is deleted": ("DELETE FROM entry WHERE log_id = '{log}' AND index = 259", "head"),
    "an entry is there twice": (
        "INSERT INTO entry SELECT log_id, index, recorded_at + interval '1 second', event_id, occurred_at, action,"
        " succeeded, actor_id, target_id, leaf FROM entry WHERE log_id = '{log}' AND index = 5",
        "density",
    ),
    "an event has two entries": (
        "INSERT INTO entry SELECT log_id, 260, recorded_at, event_id, occurred_at, action,"
        " succeeded, actor_id, target_id, leaf FROM entry WHERE log_id = '{log}' AND index = 5",
        "event",
    ),
    "an entry is moved to another log": (
        "UPDATE entry SET log_id = '{other}', index = 2 WHERE log_id = '{log}' AND index = 259",
        "leaf",
    ),
    "a stored hash is changed": (
        "UPDATE hash_run SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)"
        " WHERE log_id = '{log}' AND level = 0 AND first = 0",
        "hash",
    ),
    "a hash of a higher level is changed": (
        "UPDATE hash_run SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1)"
        " WHERE log_id = '{log}' AND level = 1",
        "hash",
    ),
    "hashes are missing": ("DELETE FROM hash_run WHERE log_id = '{log}' AND level = 0 AND first = 256", "hash"),
    "hashes are too many": ("INSERT INTO hash_run VALUES ('{log}', 2, 0, decode(repeat('00', 32), 'hex'))", "hash"),
    "a root is changed": ("UPDATE tree_head SET root = sha256('x') WHERE log_id = '{log}'", "head"),
    "a frontier is changed": (
        "UPDATE tree_head SET frontier = set_byte(frontier, 0, get_byte(frontier, 0) # 1) WHERE log_id = '{log}'",
        "head",
    ),
    "a log's head is deleted": ("DELETE FROM tree_head WHERE log_id = '{log}'", "head"),
    "a checkpoint is over another tree": (
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE log_id = '{log}' AND size = 260)"
        " WHERE log_id = '{log}' AND size = 10",
        "checkpoint",
    ),
    "a checkpoint is signed by another key": (
        "UPDATE checkpoint SET note = '{forged}' WHERE log_id = '{log}' AND size = 10",
        "checkpoint",
    ),
    "a checkpoint covers what is not there": (
        "INSERT INTO checkpoint SELECT log_id, 1000, note, signed_at FROM checkpoint"
        " WHERE log_id = '{log}' AND size = 260",
        "checkpoint",
    ),
    "values belong to no entry": (
        "INSERT INTO entry_personal (log_id, index, recorded_at, country)"
        " SELECT log_id, 1000, recorded_at, country FROM entry_personal WHERE log_id = '{log}' LIMIT 1",
        "beside",
    ),
    "values are changed": (
        "UPDATE entry_personal SET actor_message = set_byte(actor_message, 9, 0), country = 'FR'"
        " WHERE log_id = '{log}' AND index = 5",
        "segment",
    ),
    "the time of record is changed": (
        "UPDATE entry SET recorded_at = recorded_at + interval '1 microsecond' WHERE log_id = '{log}' AND index = 5",
        "segment",
    ),
    "a nonce is changed": ("UPDATE anchor SET nonce = substring(sha256('x') FOR 16) WHERE log_id = '{log}'", "anchor"),
    "an anchor is deleted": ("DELETE FROM anchor WHERE log_id = '{log}'", "anchor"),
    "a head never got there": (
        "UPDATE anchor SET event_id = gen_random_uuid(), anchored_at = now() - interval '2 hours'"
        " WHERE log_id = '{log}'",
        "anchor",
    ),
    "a segment's row is changed": ("UPDATE segment SET digest = sha256('x') WHERE number = 1", "segment"),
    "a segment's row is deleted": ("DELETE FROM segment WHERE number = 1", "segment"),
    "the last segment's row is deleted": ("DELETE FROM segment WHERE number = 2", "segment"),
    "all segments' rows are deleted": ("DELETE FROM segment", "segment"),
    "values are deleted": ("DELETE FROM entry_personal WHERE log_id = '{log}' AND index = 5", "segment"),
    "values are emptied": (
        "UPDATE entry_personal SET (actor_key_id, actor_key_version, actor_message, target_key_id, target_key_version,"
        " target_message, network_tag, country) = ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
        " WHERE log_id = '{log}' AND index = 5",
        "segment",
    ),
    "values are moved to another log": (
        "UPDATE entry_personal SET log_id = gen_random_uuid() WHERE log_id = '{log}' AND index = 5",
        "segment",
    ),
    "a head is said to be sent": ("UPDATE tree_head SET anchored = 1 WHERE log_id = '{log}'", "anchor"),
    "a segment holds less than it should": (
        "UPDATE segment_part SET segment = NULL WHERE id = (SELECT min(id) FROM segment_part)",
        "release",
    ),
    "what was added is forgotten": (
        "DELETE FROM segment_part WHERE id = (SELECT max(id) FROM segment_part WHERE '{log}' = ANY (logs))",
        "release",
    ),
}


def failed(report: FsckReport) -> set[str]:
    return {check for check in CHECKS if report.failed[check]}


async def test_every_damage_is_found(audit: AuditOnPostgres, fsck: Fsck) -> None:
    whole = await fsck.check()
    assert (whole.exit_code, whole.findings) == (HOLDS, [])
    assert (whole.logs, whole.entries, whole.segments) == (3, 264, 3)
    assert all(whole.made[check] for check in CHECKS)

    forged = FORGER.sign(audit.opened((await audit.proving.checkpoint_of_size(LOG, 10)).note).text())
    superuser = await asyncpg.connect(audit.service_database.administrator)
    # Triggers and keys are no hindrance to the one who does this.
    await superuser.execute("SET session_replication_role = replica")
    for table in TABLES:
        await superuser.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
    for name, (statements, expected) in DAMAGES.items():
        await superuser.execute(statements.format(log=LOG, other=OTHER_LOG, forged=forged))
        report = await fsck.check()
        assert report.exit_code == DAMAGED, name
        assert expected in failed(report), (name, report.findings)
        for table in TABLES:
            identity = "OVERRIDING SYSTEM VALUE" if table == "segment_part" else ""
            await superuser.execute(f"DELETE FROM {table}; INSERT INTO {table} {identity} TABLE kept_{table}")
    await superuser.close()
    assert (await fsck.check()).exit_code == HOLDS


async def test_what_retention_took_is_no_damage_and_nothing_younger_is_its_doing(
    audit: AuditOnPostgres, fsck: Fsck
) -> None:
    superuser = await asyncpg.connect(audit.service_database.administrator)
    await superuser.execute(f"DELETE FROM entry_personal WHERE log_id = '{LOG}' AND index < 9")
    await superuser.close()
    report = await fsck.check()
    assert (report.exit_code, report.failed) == (DAMAGED, {"segment": 9})
    audit.clock.advance(timedelta(days=366).total_seconds())
    report = await fsck.check()
    assert (report.exit_code, report.findings) == (HOLDS, [])


async def test_a_database_that_was_taken_back_is_found_by_what_the_object_store_has(
    audit: AuditOnPostgres, fsck: Fsck
) -> None:
    """As long as the rows agree with each other, nothing else tells."""
    superuser = await asyncpg.connect(audit.service_database.administrator)
    await superuser.execute("SET session_replication_role = replica")
    for table in TABLES:
        await superuser.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
    await audit.intake.take(audit.records(2))
    for table in TABLES:
        identity = "OVERRIDING SYSTEM VALUE" if table == "segment_part" else ""
        await superuser.execute(f"DELETE FROM {table}; INSERT INTO {table} {identity} TABLE kept_{table}")
    await superuser.close()
    report = await fsck.check()
    assert (report.exit_code, report.failed) == (DAMAGED, {"segment": 1})
    assert "no row knows it" in report.findings[0].text


async def test_an_append_that_never_was_is_found(audit: AuditOnPostgres, fsck: Fsck) -> None:
    """Everything would wait for it, for ever."""
    async with audit.units.begin([LOG]) as work:
        await work.segments.enqueue([Span(LOG, 260, 5)], recorded_at=audit.clock.now(), size=1)
    report = await fsck.check()
    assert (report.exit_code, report.failed) == (DAMAGED, {"release": 1})


async def test_objects_that_were_changed_or_lost_are_found(audit: AuditOnPostgres, fsck: Fsck) -> None:
    objects = audit.objects.stored
    names = sorted(objects)
    for number, name in enumerate(names):
        data = objects[name]
        segment = Segment.parse(data)
        others = replace(segment, entries=segment.entries[1:]).to_bytes()
        for damaged in (None, b"", data[:-1], data[:-1] + bytes([data[-1] ^ 1]), others, objects[names[number - 1]]):
            if damaged is None:
                del objects[name]
            else:
                objects[name] = damaged
            assert "segment" in failed(await fsck.check()), (number, damaged)
        objects[name] = data
    assert (await fsck.check()).exit_code == HOLDS
    # An orphan of a process that was killed is nothing.
    objects[segment_name(1, bytes(32))] = b"x"
    assert (await fsck.check()).exit_code == HOLDS


async def test_it_says_how_far_it_is(fsck: Fsck) -> None:
    told: list[str] = []
    await fsck.check(progress=told.append)
    assert len([text for text in told if text.startswith("log 2 of 3: ")]) > 1
    for text in ("entries, 260 of 260", "values, 0 of 260", "events, 260 of 260"):
        assert any(each.endswith(f": {text}") for each in told), text
    assert [text for text in told if text.startswith("segments, ")] == [f"segments, {done} of 3" for done in range(3)]


@pytest.mark.parametrize("watched", [True, False])
def test_only_a_terminal_is_shown_how_far_it_is(watched: bool) -> None:
    out = io.StringIO()
    out.isatty = lambda: watched  # type: ignore[method-assign]
    with shown_on(out) as progress:
        progress("segment 1")
        progress("segment 2")
    assert out.getvalue() == ("\r\x1b[Ksegment 1\r\x1b[Ksegment 2\r\x1b[K" if watched else "")


async def test_what_cannot_be_checked_is_said(audit: AuditOnPostgres, fsck: Fsck) -> None:
    audit.objects.down = True
    report = await fsck.check()
    assert (report.exit_code, report.unchecked) == (UNCHECKED, {"segment": "the object store: away"})
    assert json.loads(report.as_json())["holds"] is False


async def test_the_command_reads_what_the_service_reads(
    audit: AuditOnPostgres, fsck: Fsck, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = audit_settings(
        database=audit.service_database,
        bootstrap="127.0.0.1:9",
        directory=tmp_path,
        certificates=CertificatesForTests(directory=tmp_path / "pki"),
        identity="127.0.0.1:9",
    )
    objects = ObjectStoreSegments(url=settings.object_store_url)
    for name, data in audit.objects.stored.items():
        await objects.put(name, data)
    report = FsckReport()
    await check(settings, report)
    assert (report.exit_code, report.findings) == (HOLDS, [])
    report.print_table(sys.stdout)
    (tmp_path / "objects" / "segments").rename(tmp_path / "away")
    report = FsckReport()
    await check(settings, report)
    assert (report.exit_code, report.failed) == (DAMAGED, {"segment": 3})
    report.print_table(sys.stdout)
    shown = capsys.readouterr().out
    assert "264 entries" in shown
    assert shown.index("HOLDS") < shown.index("FAILED (3)") < shown.index("DAMAGED")
    assert "all logs: segment 0: it is not in the object store" in shown


@pytest.fixture
def environment(audit: AuditOnPostgres, tmp_path: Path) -> dict[str, str]:
    """The settings of the service, as its process has them."""
    settings = audit_settings(
        database=audit.service_database,
        bootstrap="127.0.0.1:9",
        directory=tmp_path,
        certificates=CertificatesForTests(directory=tmp_path / "pki"),
        identity="127.0.0.1:9",
    )
    return {
        variable_of(AuditSettings, name): str(value) for name, value in settings.model_dump(exclude_unset=True).items()
    }


def commanded(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.audit.fsck", *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_what_stops_the_command_is_no_damage(
    audit: AuditOnPostgres, environment: dict[str, str], tmp_path: Path
) -> None:
    """1 says that the log is damaged, so nothing else may."""
    assert commanded(environment).returncode == HOLDS
    seed = tmp_path / "checkpoint.key"
    seed.write_bytes(b"short")
    stopped = commanded(environment)
    assert (stopped.returncode, "must hold exactly 32 bytes" in stopped.stdout) == (UNCHECKED, True)
    seed.unlink()
    assert commanded(environment).returncode not in (HOLDS, DAMAGED)
    seed.write_bytes(bytes(range(32)))
    superuser = await asyncpg.connect(audit.service_database.administrator)
    await superuser.execute("ALTER TABLE segment RENAME TO hidden")
    stopped = commanded(environment, "--json")
    assert (stopped.returncode, json.loads(stopped.stdout)["broken_off"]) == (UNCHECKED, "UndefinedTableError")
    # What was found before it stopped, counts.
    await superuser.execute(
        f"INSERT INTO tree_head (log_id, size, root, frontier) VALUES ('{LOG}', 1, $1, $1)", bytes(32)
    )
    assert commanded(environment).returncode == DAMAGED
    await superuser.close()


async def test_a_database_that_is_away_is_not_waited_for_for_ever(
    audit: AuditOnPostgres, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "runtime.url").write_text(f"postgresql://audit_runtime:x@127.0.0.1:{free_port()}/audit")
    report = FsckReport()
    with pytest.raises(DatabaseUnavailable, match="did not answer within"):
        await check(read(AuditSettings, environment), report, patience=0.5)


async def test_a_log_that_goes_on_meanwhile_holds(audit: AuditOnPostgres, fsck: Fsck) -> None:
    """What was appended and not yet stored is under way, and no damage."""
    async with audit.units.begin([LOG]) as work:
        await audit.append.append(work, audit.records(2))
    report = await fsck.check()
    assert (report.exit_code, report.findings) == (HOLDS, [])
