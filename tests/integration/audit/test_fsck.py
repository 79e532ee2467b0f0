"""Every kind of damage to what audit stores is found, and named; an undamaged store holds."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from libs.db.pool import Database
from libs.events.position import Position
from libs.ids import PLATFORM
from services.audit.clients.segment import ObjectStoreSegments
from services.audit.domain.segment import Segment, segment_name
from services.audit.fsck.__main__ import checked
from services.audit.fsck.report import CHECKS, DAMAGED, HOLDS, UNCHECKED, FsckReport
from services.audit.fsck.store import Fsck
from services.audit.jobs.anchor import AnchorGrownLogs
from tests.support.audit import LOG, OTHER_LOG, SIGNER, AuditOnPostgres, raw_of
from tests.support.audit_service import audit_settings
from tests.support.mutual_tls import CertificatesForTests
from wardenry.events.v1 import envelope_pb2
from wardenry.log.leaf import parse_leaf
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
    "a segment holds less than it should": (
        "UPDATE segment_part SET segment = NULL WHERE id = (SELECT min(id) FROM segment_part)",
        "release",
    ),
    "what was added is forgotten": (
        "DELETE FROM segment_part WHERE id = (SELECT max(id) FROM segment_part WHERE '{log}' = ANY (logs))",
        "release",
    ),
}


@pytest.fixture
async def fsck(audit: AuditOnPostgres) -> AsyncIterator[Fsck]:
    """Of a store with a log of two tiles, another one, and their heads in the platform log."""
    await audit.intake.take(audit.records(10))
    await audit.intake.take([*audit.records(250), *audit.records(2, log=OTHER_LOG)])
    jobs = Database(url=audit.service_database.jobs, name="jobs", size=2)
    await jobs.open()
    await AnchorGrownLogs(
        jobs=jobs, anchoring=audit.anchoring, interval=timedelta(minutes=1), clock=audit.clock
    ).anchor()
    records = []
    for number, (action, envelope) in enumerate(await audit.outbox()):
        leaf = parse_leaf(envelope_pb2.Envelope.FromString(envelope).leaf)
        event = audit.event(event_id=leaf.event_id, log=PLATFORM, action=action, occurred_at=leaf.occurred)
        made = audit.record(event, envelope=envelope, position=Position(1, number))
        made = replace(made, source="audit", raw=None)
        records.append(replace(made, raw=raw_of(made)))
    await audit.intake.take(records)
    yield Fsck(
        runtime=audit.database,
        jobs=jobs,
        objects=audit.objects,
        key=SIGNER.key,
        clock=audit.clock,
        progress=lambda text: None,
    )
    await jobs.close()


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
    for name, (statements, check) in DAMAGES.items():
        await superuser.execute(statements.format(log=LOG, other=OTHER_LOG, forged=forged))
        report = await fsck.check()
        assert report.exit_code == DAMAGED, name
        assert check in failed(report), (name, report.findings)
        for table in TABLES:
            identity = "OVERRIDING SYSTEM VALUE" if table == "segment_part" else ""
            await superuser.execute(f"DELETE FROM {table}; INSERT INTO {table} {identity} TABLE kept_{table}")
    await superuser.close()
    assert (await fsck.check()).exit_code == HOLDS


async def test_what_retention_took_is_no_damage(audit: AuditOnPostgres, fsck: Fsck) -> None:
    superuser = await asyncpg.connect(audit.service_database.administrator)
    await superuser.execute(f"DELETE FROM entry_personal WHERE log_id = '{LOG}' AND index < 9")
    await superuser.close()
    report = await fsck.check()
    assert (report.exit_code, report.findings) == (HOLDS, [])


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
    report = await checked(settings)
    assert (report.exit_code, report.findings) == (HOLDS, [])
    report.print_table(sys.stdout)
    (tmp_path / "objects" / "segments").rename(tmp_path / "away")
    report = await checked(settings)
    assert (report.exit_code, report.failed) == (DAMAGED, {"segment": 3})
    report.print_table(sys.stdout)
    shown = capsys.readouterr().out
    assert "264 entries" in shown
    assert shown.index("HOLDS") < shown.index("FAILED (3)") < shown.index("DAMAGED")
    assert "all logs: segment 0: it is not in the object store" in shown


async def test_a_log_that_goes_on_meanwhile_holds(audit: AuditOnPostgres, fsck: Fsck) -> None:
    """What was appended and not yet stored is under way, and no damage."""
    async with audit.units.begin([LOG]) as work:
        await audit.append.append(work, audit.records(2))
    report = await fsck.check()
    assert (report.exit_code, report.findings) == (HOLDS, [])
