"""Control L3, the proofs: what audit shows of the platform log, and that damage to its database is found in it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from libs.controls.examined import Examined, Finding, together
from libs.controls.log_sample import PLATFORM_LOG, judge_sample
from libs.ids import PLATFORM
from services.audit.commands.control import ExamineLog
from tests.support.audit import SIGNER, AuditOnPostgres, audit_on
from tests.support.postgres import ServiceDatabases

LAST = "length(leaf) - 1"


@pytest.fixture
async def audit(service_database: ServiceDatabases) -> AsyncIterator[AuditOnPostgres]:
    async with audit_on(service_database("audit")) as audit:
        yield audit


async def judged(audit: AuditOnPostgres) -> Examined:
    """What audit says, and what the prober makes of what it shows."""
    examined = await ExamineLog(units=audit.units, checkpoints=audit.checkpoints, signer=audit.signer)()
    sample = examined.exhibits.get(PLATFORM_LOG)
    return together([examined, *([judge_sample(sample, [SIGNER.key])] if sample else [])])


async def change(audit: AuditOnPostgres, statement: str) -> None:
    connection = await asyncpg.connect(audit.service_database.administrator)
    await connection.execute("SET session_replication_role = replica")  # which silences the triggers
    assert await connection.execute(statement) not in ("UPDATE 0", "DELETE 0")
    await connection.close()


async def test_a_log_without_entries_proves_nothing(audit: AuditOnPostgres) -> None:
    assert (await judged(audit)).unknown == ("the platform log has no entry yet: after the first sign-up it has",)


async def test_a_whole_log_holds_and_nobodys_values_are_shown(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(5, log=PLATFORM))
    examined = await judged(audit)
    assert (examined.findings, examined.unknown) == ((), ())
    assert examined.facts[0] == "audit shows the newest 5 of 5 entries of the platform log"
    assert examined.facts[1].startswith("5 entries hold by the public key alone; ")
    sample = examined.exhibits[PLATFORM_LOG].decode()
    assert sample.count('"erased":true') == 5 * 4
    assert "203.0.113.7" not in sample
    assert "Bob" not in sample


async def test_of_a_long_log_the_newest_entries_are_shown(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(140, log=PLATFORM))
    examined = await judged(audit)
    assert examined.findings == ()
    assert examined.facts[0] == "audit shows the newest 128 of 140 entries of the platform log"
    assert examined.facts[1].startswith("128 entries hold by the public key alone; ")


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        (
            f"UPDATE entry SET leaf = set_byte(leaf, {LAST}, 255 - get_byte(leaf, {LAST})) WHERE index = 2",
            "the platform log, line 4 of its export",
            "entry 2: leaf 2 is not in the tree of this root",
        ),
        ("DELETE FROM entry WHERE index = 2", "entry 2 of the platform log", "is gone"),
        ("DELETE FROM entry WHERE index = 4", "entry 4 of the platform log", "is gone"),
        (
            "UPDATE entry SET leaf = leaf || '\\x00' WHERE index = 2",
            "entry 2 of the platform log",
            "its leaf is damaged: the bytes are no leaf",
        ),
        ("DELETE FROM hash_run WHERE log_id <> 'ffffffff-ffff-ffff-ffff-ffffffffffff'", "the platform log", "its tree"),
        (
            "UPDATE hash_run SET hashes = sha256('x') || substr(hashes, 33)",
            "the platform log, line 3 of its export",
            "entry 1: leaf 1 is not in the tree of this root",
        ),
        (
            "UPDATE checkpoint SET note = replace(note, E'\\n5\\n', E'\\n4\\n')",
            "the platform log, line 1 of its export",
            "the checkpoint: the signature",
        ),
    ],
)
async def test_damage_is_found_where_it_is(audit: AuditOnPostgres, statement: str, where: str, what: str) -> None:
    await audit.intake.take(audit.records(5, log=PLATFORM))
    assert (await judged(audit)).findings == ()
    await change(audit, statement)
    findings = (await judged(audit)).findings
    assert any(finding.where == where and finding.what.startswith(what) for finding in findings), findings


async def test_a_flipped_byte_on_the_way_is_found(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(3, log=PLATFORM))
    examined = await ExamineLog(units=audit.units, checkpoints=audit.checkpoints, signer=audit.signer)()
    sample = bytearray(examined.exhibits[PLATFORM_LOG])
    place = sample.index(b'"leaf":"') + 20
    sample[place] ^= 1
    findings = judge_sample(bytes(sample), [SIGNER.key]).findings
    assert (
        Finding("the platform log, line 2 of its export", "entry 0: leaf 0 is not in the tree of this root") in findings
    )
