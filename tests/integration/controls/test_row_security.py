"""Control T2: what a service finds out about its own databases, and that every hole is found and named."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from libs.controls.examined import Examined, Finding
from libs.controls.result import Result, Verdict
from libs.controls.row_security.examination import POLICIES, QUERIES, SEEN, TABLES, Roles, RowSecurity
from libs.controls.row_security.reviewed import Grant
from libs.db.pool import Database
from tests.integration.test_row_security import GOOD
from tests.support.postgres import ServiceDatabase, ServiceDatabases
from wardenry.clock import SystemClock

ROLES = ("runtime", "relay", "jobs")
ROW = "018f0000-0000-7000-8000-00000000000a"
#: A row of some tenant, which nobody may see without its workspace.
PLANTED = f"INSERT INTO note VALUES ('{ROW}', '{ROW}', '{ROW}', 'a')"

#: What is done to the live database, and what must be found.
FAULTS = {
    "a table without a policy": (
        "CREATE TABLE bare (workspace_id uuid PRIMARY KEY); COMMENT ON TABLE bare IS '[workspace] Forgotten';"
        " GRANT SELECT ON bare TO identity_runtime;",
        Finding("bare in identity", "row security is not enabled and forced"),
    ),
    "a restriction that can be waived": (
        "ALTER POLICY note_workspace ON note USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[])"
        " OR context_standing() = 'administrator');",
        Finding(
            "note in identity",
            "no restrictive policy for all commands of identity_runtime compares a column with context_workspaces()"
            ", and that alone",
        ),
    ),
    "not enabled": (
        "ALTER TABLE note DISABLE ROW LEVEL SECURITY;",
        Finding("note in identity", "identity_runtime sees a row without a workspace"),
    ),
    "not forced": (
        "ALTER TABLE note NO FORCE ROW LEVEL SECURITY;",
        Finding("note in identity", "row security is not enabled and forced"),
    ),
    "a policy dropped": (
        "DROP POLICY note_select ON note;",
        Finding("note in identity", "identity_runtime is granted SELECT and no policy permits it"),
    ),
    "the restrictive policy dropped": (
        "DROP POLICY note_workspace ON note;",
        Finding("note in identity", "identity_runtime sees a row without a workspace"),
    ),
    "a policy that lets the empty context through": (
        "ALTER POLICY note_workspace ON note USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[])"
        " OR current_setting('wardenry.workspaces') = '');",
        Finding("note in identity", "identity_runtime sees a row without a workspace"),
    ),
    "a narrow role that nobody reviewed": (
        "GRANT SELECT ON note TO identity_jobs;"
        " CREATE POLICY note_jobs ON note FOR SELECT TO identity_jobs USING (true);",
        Finding("note in identity", "identity_jobs is granted SELECT on tenants' rows and is not on the reviewed list"),
    ),
    "truncate": (
        "GRANT TRUNCATE ON note TO identity_runtime;",
        Finding("note in identity", "identity_runtime has TRUNCATE"),
    ),
    "an object of a runtime role": (
        "GRANT CREATE ON SCHEMA public TO identity_runtime;",
        Finding("role identity_runtime in identity", "may create objects in public"),
    ),
}


class Live:
    """A database with one tenant table and one row, and a service's connections to it."""

    def __init__(self, database: ServiceDatabase, *, urls: dict[str, str] | None = None) -> None:
        self.database = database
        urls = {role: database.url(role) for role in ROLES} | (urls or {})
        self.by_role = {role: Database(url=urls[role], name=f"test {role}", size=2) for role in ROLES}

    async def as_owner(self, statements: str) -> None:
        connection = await asyncpg.connect(self.database.administrator)
        try:
            await connection.execute(f"SET ROLE {self.database.service}_owner; {statements} RESET ROLE")
        finally:
            await connection.close()

    async def as_administrator(self, statement: str) -> None:
        connection = await asyncpg.connect(self.database.administrator)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def examined(self) -> Examined:
        roles = Roles(database=self.database.service, by_role=self.by_role)
        return await RowSecurity(databases=[roles], reviewed={})()


@asynccontextmanager
async def opened(database: ServiceDatabase, *, urls: dict[str, str] | None = None) -> AsyncIterator[Live]:
    live = Live(database, urls=urls)
    async with AsyncExitStack() as stack:
        for each in live.by_role.values():
            await each.open()
            stack.push_async_callback(each.close)
        yield live


@pytest.fixture
def note_database(service_database: ServiceDatabases, tmp_path: Path) -> ServiceDatabase:
    file = tmp_path / "note.sql"
    file.write_text(GOOD)
    return service_database("identity", [file])


@pytest.fixture
async def live(note_database: ServiceDatabase) -> AsyncIterator[Live]:
    async with opened(note_database) as live:
        await live.as_administrator(PLANTED)
        yield live


def verdict(examined: Examined) -> Verdict:
    now = SystemClock().now()
    return Result.of("T2", examined, started_at=now, finished_at=now, prober="operator").verdict


async def test_a_closed_database_is_kept_and_counted(live: Live) -> None:
    examined = await live.examined()
    assert verdict(examined) is Verdict.KEPT
    # The migrations' own table, and the note.
    assert (examined.figures[TABLES], examined.figures[QUERIES], examined.figures[SEEN]) == (2, 3, 0)
    assert examined.figures[POLICIES] >= 5
    assert "as runtime, relay, jobs" in examined.facts[0]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_hole_is_found_and_named(live: Live, fault: str) -> None:
    statements, finding = FAULTS[fault]
    await live.as_owner(statements)
    examined = await live.examined()
    assert finding in examined.findings
    assert verdict(examined) is Verdict.BROKEN


async def test_a_role_that_bypasses_policies_is_found(live: Live) -> None:
    await live.as_administrator("ALTER ROLE identity_runtime BYPASSRLS")
    try:
        examined = await live.examined()
    finally:
        await live.as_administrator("ALTER ROLE identity_runtime NOBYPASSRLS")
    assert (
        Finding("role identity_runtime in identity", "has an attribute that reaches past policies") in examined.findings
    )
    assert (
        Finding("role identity_runtime in identity", "identity_runtime is not bound by policies") in examined.findings
    )
    assert Finding("note in identity", "identity_runtime sees a row without a workspace") in examined.findings


async def test_a_service_that_logs_in_as_somebody_else_is_found(note_database: ServiceDatabase) -> None:
    async with opened(note_database, urls={"relay": note_database.owner}) as live:
        examined = await live.examined()
    assert examined.findings == (
        Finding("role identity_relay in identity", "the service is connected as identity_owner instead"),
    )


async def test_what_a_reviewed_role_sees_is_no_hole(live: Live) -> None:
    await live.as_owner(FAULTS["a narrow role that nobody reviewed"][0])
    roles = Roles(database="identity", by_role=live.by_role)
    reviewed = RowSecurity(
        databases=[roles], reviewed={"identity": frozenset({Grant(role="jobs", on="note", command="SELECT")})}
    )
    examined = await reviewed()
    assert examined.findings == ()
    assert examined.figures[QUERIES] == 2


async def test_a_database_that_is_down_hides_no_hole_of_another(live: Live) -> None:
    await live.as_owner(FAULTS["not forced"][0])
    down = Database(url="postgresql://vault_runtime:x@127.0.0.1:1/vault", name="test vault", size=1)
    databases = [
        Roles(database="vault", by_role={"runtime": down}),
        Roles(database="identity", by_role=live.by_role),
    ]
    examined = await RowSecurity(databases=databases, reviewed={})()
    assert examined.unknown == ("vault: the database does not answer",)
    assert FAULTS["not forced"][1] in examined.findings
    assert verdict(examined) is Verdict.BROKEN
