"""Control L3, the rights: nobody may change what audit writes once, and whoever may is found and named."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from libs.controls.examined import Examined, Finding
from libs.controls.write_once.examination import ATTEMPTS, REFUSED, WriteOnce
from libs.db.pool import Database
from services.audit.domain.write_once import EVENT_PATH, GUARD, GUARDED, RIGHTS
from tests.support.postgres import ServiceDatabase, ServiceDatabases

ROLES = ("runtime", "relay", "jobs")

#: What is done to the live database, and what must be found.
FAULTS = {
    "update of entries": ("GRANT UPDATE ON entry TO audit_runtime;", "entry", "audit_runtime may UPDATE "),
    "update of one column": (
        "GRANT UPDATE (leaf) ON entry TO audit_runtime;",
        "entry",
        "audit_runtime may UPDATE leaf",
    ),
    "delete of checkpoints by the relay": (
        "GRANT DELETE ON checkpoint TO audit_relay;",
        "checkpoint",
        "audit_relay may DELETE",
    ),
    "truncate of hashes": ("GRANT TRUNCATE ON hash_run TO audit_runtime;", "hash_run", "audit_runtime may TRUNCATE"),
    "everyone": ("GRANT DELETE ON anchor TO PUBLIC;", "anchor", "audit_jobs may DELETE"),
    "a role that the service does not use": (
        "GRANT UPDATE ON entry TO audit_lookup;",
        "entry",
        "audit_lookup may UPDATE",
    ),
    "further columns than documented": (
        "GRANT UPDATE (log_id) ON tree_head TO audit_runtime;",
        "tree_head",
        "audit_runtime may UPDATE further columns: log_id",
    ),
    "more rows than documented": (
        "ALTER POLICY entry_personal_jobs_delete ON entry_personal USING (true);",
        "entry_personal",
        "audit_jobs may DELETE where true; documented is where (recorded_at < (now() - '1 year'::interval))",
    ),
    "a disabled trigger": (
        "ALTER TABLE entry DISABLE TRIGGER entry_unchanged;",
        "entry",
        "no trigger refuses UPDATE, DELETE, TRUNCATE to everybody",
    ),
    "a trigger that lets something through": (
        "DROP TRIGGER entry_unchanged ON entry; CREATE TRIGGER entry_unchanged BEFORE UPDATE OR DELETE ON entry"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();",
        "entry",
        "no trigger refuses UPDATE, DELETE, TRUNCATE to everybody",
    ),
    "a trigger that may be asked not to": (
        "DROP TRIGGER entry_unchanged ON entry; CREATE TRIGGER entry_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON"
        " entry FOR EACH STATEMENT WHEN (current_setting('wardenry.quiet', true) IS NULL)"
        " EXECUTE FUNCTION refuse_change();",
        "entry",
        "no trigger refuses UPDATE, DELETE, TRUNCATE to everybody",
    ),
    "a trigger that looks at one column": (
        "DROP TRIGGER entry_unchanged ON entry; CREATE TRIGGER entry_unchanged BEFORE UPDATE OF leaf OR DELETE OR"
        " TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();",
        "entry",
        "no trigger refuses UPDATE, DELETE, TRUNCATE to everybody",
    ),
    "a trigger of another function of that name": (
        "CREATE SCHEMA AUTHORIZATION CURRENT_USER; CREATE FUNCTION audit_owner.refuse_change() RETURNS trigger"
        " LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; DROP TRIGGER entry_unchanged ON entry;"
        " CREATE TRIGGER entry_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON entry"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_owner.refuse_change();",
        "entry",
        "no trigger refuses UPDATE, DELETE, TRUNCATE to everybody",
    ),
    "a new table that nobody thought of": (
        "CREATE TABLE note (id bigint); GRANT SELECT, UPDATE ON note TO audit_jobs;",
        "note",
        "audit_jobs may UPDATE id",
    ),
}


class Live:
    """Audit's database, and its connections to it."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database
        self.by_role = {role: Database(url=database.url(role), name=f"test {role}", size=1) for role in ROLES}

    async def as_owner(self, statements: str) -> None:
        connection = await asyncpg.connect(self._database.administrator)
        try:
            await connection.execute(f"SET ROLE audit_owner; {statements}")
        finally:
            await connection.close()

    async def partitions(self) -> list[str]:
        """Of the table of entries."""
        query = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'entry'::regclass"
        return [row["name"] for row in await self.by_role["runtime"].fetch(query)]

    async def examined(self) -> Examined:
        return await WriteOnce(
            database="audit", by_role=self.by_role, apart=EVENT_PATH, rights=RIGHTS, guarded=GUARDED, guard=GUARD
        )()


@pytest.fixture
async def live(service_database: ServiceDatabases) -> AsyncIterator[Live]:
    live = Live(service_database("audit"))
    async with AsyncExitStack() as stack:
        for each in live.by_role.values():
            await each.open()
            stack.push_async_callback(each.close)
        yield live


async def test_nobody_may_change_what_is_written_once(live: Live) -> None:
    examined = await live.examined()
    assert examined.findings == ()
    assert examined.figures[ATTEMPTS] == examined.figures[REFUSED] > 100
    headline, triggers, *rights = examined.facts
    assert headline.startswith(f"{examined.figures[REFUSED]} of {examined.figures[ATTEMPTS]} attempts to UPDATE")
    assert headline.endswith("as audit_runtime, audit_relay, audit_jobs were refused")
    partitions = await live.partitions()
    assert len(partitions) >= 3
    assert triggers == f"triggers refuse changes of {1 + len(partitions)} tables to their owner too"
    assert len(rights) == len(RIGHTS)
    retention = next(fact for fact in rights if "entry_personal" in fact)
    condition = "(recorded_at < (now() - '1 year'::interval))"
    assert retention.startswith(f"audit_jobs may DELETE entry_personal where {condition}: retention")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_right_to_change_is_found_and_named(live: Live, fault: str) -> None:
    statements, where, what = FAULTS[fault]
    await live.as_owner(statements)
    examined = await live.examined()
    assert any(each.where == where and each.what.startswith(what) for each in examined.findings), examined.findings


async def test_a_partition_that_can_be_changed_is_found(live: Live) -> None:
    first, *_ = await live.partitions()
    await live.as_owner(f"GRANT DELETE ON {first} TO audit_jobs;")
    examined = await live.examined()
    assert examined.findings == (Finding(first, "audit_jobs may DELETE"),)


async def test_what_passes_all_the_same_is_found(live: Live, service_database: ServiceDatabases) -> None:
    """A superuser under the name of a pool: the catalogue says so, and so does every attempt that it would make."""
    database = service_database("audit")
    superuser = Database(url=database.administrator, name="test superuser", size=1)
    await superuser.open()
    try:
        examined = await WriteOnce(
            database="audit",
            by_role={"runtime": superuser},
            apart=EVENT_PATH,
            rights=RIGHTS,
            guarded=GUARDED,
            guard=GUARD,
        )()
    finally:
        await superuser.close()
    assert Finding("hash_run", "audit_runtime may TRUNCATE") in examined.findings
    assert examined.figures[ATTEMPTS] == 0


async def test_a_table_that_is_gone_is_found(live: Live) -> None:
    examined = await WriteOnce(
        database="audit", by_role=live.by_role, apart=EVENT_PATH, rights=RIGHTS, guarded="entries", guard=GUARD
    )()
    assert examined.findings == (Finding("entries", "there is no such table"),)
