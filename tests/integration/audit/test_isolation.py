"""No role changes an entry, and no context sees another log: on the service's own database, under its own roles."""

import asyncpg
import pytest

from libs.db.context import Context
from libs.merkle.proofs import HashesMissing, Tile
from tests.support.audit import LOG, OTHER_LOG, AuditOnPostgres
from wardenry.log.filter import EntryFilter

TABLES = ("entry", "entry_personal", "hash_run", "checkpoint", "tree_head", "record_receipt")
CHANGES = (
    "UPDATE entry SET leaf = 'x'",
    "DELETE FROM entry",
    "TRUNCATE entry",
    "UPDATE entry_personal SET country = 'FR'",
    "TRUNCATE entry_personal",
    "UPDATE hash_run SET hashes = 'x'",
    "DELETE FROM hash_run",
    "UPDATE checkpoint SET note = 'x'",
    "DELETE FROM checkpoint",
    "DELETE FROM tree_head",
)


async def connected(audit: AuditOnPostgres, role: str) -> "asyncpg.Connection[asyncpg.Record]":
    connection = await asyncpg.connect(audit.service_database.url(role))
    await connection.execute(f"SET wardenry.workspaces = '{LOG}'")
    return connection


@pytest.mark.parametrize("role", ["runtime", "relay", "jobs"])
async def test_no_role_of_the_service_changes_or_deletes(audit: AuditOnPostgres, role: str) -> None:
    await audit.intake.take(audit.records(3))
    connection = await connected(audit, role)
    partitions = await connection.fetch("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    partitioned = [
        statement.replace("entry", row["relname"], 1)
        for row in partitions
        for statement in ("UPDATE entry SET index = 9", "DELETE FROM entry", "SELECT FROM entry", "TRUNCATE entry")
    ]
    assert partitioned
    for statement in (*CHANGES, *partitioned):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_the_owner_finds_nothing_to_change_and_is_refused(audit: AuditOnPostgres) -> None:
    """Migrations log in as the owner. Row security is forced on it, and a trigger refuses whatever is left."""
    await audit.intake.take(audit.records(3))
    connection = await connected(audit, "owner")
    assert await connection.fetchval("SELECT count(*) FROM entry") == 0
    for statement in ("UPDATE entry SET leaf = 'x'", "DELETE FROM entry", "TRUNCATE entry"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()
    superuser = await asyncpg.connect(audit.service_database.administrator)
    for statement in ("UPDATE entry SET leaf = 'x'", "DELETE FROM entry", "TRUNCATE entry"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never changed"):
            await superuser.execute(statement)
    await superuser.close()


async def test_retention_deletes_values_of_a_year_ago_and_nothing_younger(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(2))
    superuser = await asyncpg.connect(audit.service_database.administrator)
    await superuser.execute(
        "CREATE TABLE old PARTITION OF entry_personal FOR VALUES FROM ('2001-01-01') TO ('2001-02-01')"
    )
    await superuser.executemany(
        "INSERT INTO entry_personal (log_id, index, recorded_at, country) VALUES ($1, $2, '2001-01-05', 'DE')",
        [(LOG, 0), (OTHER_LOG, 0)],
    )
    await superuser.close()
    connection = await connected(audit, "jobs")
    assert await connection.execute("DELETE FROM entry_personal") == "DELETE 1"
    await connection.execute("SET wardenry.workspaces = ''")
    assert await connection.execute("DELETE FROM entry_personal") == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("SELECT actor_message FROM entry_personal")
    await connection.close()


async def test_no_context_sees_another_log(audit: AuditOnPostgres) -> None:
    await audit.intake.take([*audit.records(3), *audit.records(2, log=OTHER_LOG)])
    for context, logs in ((Context(), set()), (Context(workspaces=frozenset({LOG})), {LOG})):
        async with audit.database.transaction(context) as tx:
            for table in TABLES[:-1]:
                rows = await tx.fetch(f"SELECT log_id FROM {table}")
                assert {row["log_id"] for row in rows} == logs, table


async def test_every_store_method_stays_in_its_log(audit: AuditOnPostgres) -> None:
    mine, others = audit.records(3), audit.records(2, log=OTHER_LOG)
    await audit.intake.take([*mine, *others])
    everything = EntryFilter()
    async with audit.units.begin([LOG]) as work:
        assert not await work.entries.newest(OTHER_LOG, everything, before=None, limit=9)
        assert not await work.entries.following(OTHER_LOG, everything, start=0, end=9, limit=9)
        events = [(record.log, record.event_id) for record in (*mine, *others)]
        now = audit.clock.now()
        known = await work.entries.leaves(events, since=now.replace(year=2001), until=now)
        assert {log for log, _ in known} == {LOG}
        assert [head.log for head in await work.trees.heads([LOG, OTHER_LOG])] == [LOG]
        assert set(await work.checkpoints.newest([LOG, OTHER_LOG])) == {LOG}
        assert await work.checkpoints.of_size(OTHER_LOG, 2) is None
        assert (await work.trees.tiles(OTHER_LOG, [Tile(0, 0)]))[Tile(0, 0)] == b""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with audit.units.begin([LOG]) as work:
            await work.trees.lock([LOG, OTHER_LOG])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with audit.units.begin([LOG]) as work:
            await audit.append.append(work, audit.records(1, log=OTHER_LOG))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with audit.units.begin([LOG]) as work:
            await work.receipts.claim(OTHER_LOG, LOG, digest=bytes(32), now=audit.clock.now())
    assert await audit.size(OTHER_LOG) == 2


async def test_a_damaged_store_is_told_from_an_absent_entry(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(3))
    superuser = await asyncpg.connect(audit.service_database.administrator)
    await superuser.execute("DELETE FROM hash_run")
    await superuser.close()
    with pytest.raises(HashesMissing):
        await audit.proving.inclusion(LOG, 1, size=0)
