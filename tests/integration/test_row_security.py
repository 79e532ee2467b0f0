"""Row security over every service's database: each table, each role, each command.

A table added without its policies fails here. What the rules are, one sentence each, is in
libs/controls/row_security/rules.py, where a running deployment is probed by them too; tests/support/isolation.py then
tries to reach a tenant's row from outside.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from libs.controls.row_security.reviewed import FILE, read_reviewed
from libs.db.schemas import ROOT, schemas
from tests.support.catalogue import holes
from tests.support.isolation import leaks
from tests.support.postgres import ServiceDatabase, ServiceDatabases

REVIEWED = read_reviewed(FILE.read_text())

GOOD = """
CREATE TABLE note (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    subject_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('a', 'b')),
    PRIMARY KEY (workspace_id, id)
);
COMMENT ON TABLE note IS '[workspace] For this test';
COMMENT ON COLUMN note.workspace_id IS 'Whose';
COMMENT ON COLUMN note.id IS 'Which';
COMMENT ON COLUMN note.subject_id IS 'Of whom';
COMMENT ON COLUMN note.kind IS 'What';
ALTER TABLE note ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY note_workspace ON note AS RESTRICTIVE TO {service}_runtime
    USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[]));
GRANT SELECT, INSERT, UPDATE (kind), DELETE ON note TO {service}_runtime;
CREATE POLICY note_select ON note FOR SELECT TO {service}_runtime USING (true);
CREATE POLICY note_insert ON note FOR INSERT TO {service}_runtime WITH CHECK (true);
CREATE POLICY note_update ON note FOR UPDATE TO {service}_runtime USING (true) WITH CHECK (true);
CREATE POLICY note_delete ON note FOR DELETE TO {service}_runtime USING (true);
"""

#: What is added to the good table, and what must be said of it.
FAULTS = {
    "a table without policies": (
        "CREATE TABLE bare (workspace_id uuid PRIMARY KEY); GRANT SELECT ON bare TO identity_runtime;",
        "bare: row security is not enabled and forced",
    ),
    "not forced": ("ALTER TABLE note NO FORCE ROW LEVEL SECURITY;", "note: row security is not enabled and forced"),
    "no restrictive policy": (
        "DROP POLICY note_workspace ON note;",
        "note: no restrictive policy for all commands of identity_runtime compares a column with context_workspaces()"
        ", and that alone",
    ),
    "a restrictive policy that does not restrict": (
        "ALTER POLICY note_workspace ON note USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[])"
        " OR context_standing() = 'administrator');",
        "note: no restrictive policy for all commands of identity_runtime compares a column with context_workspaces()"
        ", and that alone",
    ),
    "a restrictive policy that does not check what is written": (
        "ALTER POLICY note_workspace ON note WITH CHECK (workspace_id = ANY ((SELECT context_workspaces())::uuid[])"
        " OR subject_id IS NOT NULL);",
        "note: no restrictive policy for all commands of identity_runtime compares a column with context_workspaces()"
        ", and that alone",
    ),
    "a second permissive policy": (
        "CREATE POLICY note_all ON note FOR SELECT TO identity_runtime USING (kind = 'a');",
        "note: SELECT by identity_runtime has several permissive policies, ORed: note_all, note_select",
    ),
    "a grant without a policy": (
        "DROP POLICY note_delete ON note;",
        "note: identity_runtime is granted DELETE and no policy permits it",
    ),
    "truncate": ("GRANT TRUNCATE ON note TO identity_runtime;", "note: identity_runtime has TRUNCATE"),
    "a rewriting that nobody reviewed": (
        "GRANT MAINTAIN ON note TO identity_jobs;",
        "note: identity_jobs has MAINTAIN",
    ),
    "everyone": ("GRANT SELECT ON note TO PUBLIC;", "note: everyone has SELECT"),
    "no tag": (
        "COMMENT ON TABLE note IS 'Notes';",
        "note: its comment does not begin with one of [workspace], [subject], [platform], [queue], [claim]",
    ),
    "a column without a comment": ("ALTER TABLE note ADD extra text;", "note.extra: has no comment"),
    "a key that tells": (
        "CREATE UNIQUE INDEX note_kind ON note (kind);",
        "note: key note_kind begins with kind, not with workspace_id",
    ),
    "a foreign key across tenants": (
        "ALTER TABLE note ADD UNIQUE (id, workspace_id), ADD above uuid,"
        " ADD CONSTRAINT note_above FOREIGN KEY (above, workspace_id) REFERENCES note (id, workspace_id);",
        "note: foreign key note_above crosses tenants: it does not begin with their column",
    ),
    "a narrow role that nobody reviewed": (
        "GRANT SELECT ON note TO identity_jobs;"
        " CREATE POLICY note_jobs ON note FOR SELECT TO identity_jobs USING (true);",
        "note: identity_jobs is granted SELECT on tenants' rows and is not on the reviewed list",
    ),
    "a view with its owner's rights": (
        "CREATE VIEW all_notes AS SELECT * FROM note;",
        "view all_notes: is not security_invoker",
    ),
    "a definer function": (
        "CREATE FUNCTION count_notes() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM note';",
        "function count_notes(): is SECURITY DEFINER and does not pin search_path",
    ),
}

#: What an attempt shows, whatever the catalogue says.
LEAKS = {
    "a policy that lets the empty context through": (
        "ALTER POLICY note_workspace ON note USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[])"
        " OR current_setting('wardenry.workspaces') = '');",
        "note: identity_runtime with no context gets through with SELECT",
    ),
    "a policy that lets an administrator through": (
        "ALTER POLICY note_workspace ON note USING (workspace_id = ANY ((SELECT context_workspaces())::uuid[])"
        " OR context_standing() = 'administrator');",
        "note: identity_runtime with another tenant's context gets through with UPDATE",
    ),
    "a policy that does not check what is written": (
        "ALTER POLICY note_workspace ON note WITH CHECK (workspace_id = ANY ((SELECT context_workspaces())::uuid[])"
        " OR subject_id IS NOT NULL);",
        "note: identity_runtime with another tenant's context gets through with INSERT",
    ),
    "a policy that shows nobody anything": (
        "ALTER POLICY note_select ON note USING (false);",
        "note: its own tenant does not see the row of this test, so it proves nothing",
    ),
}


@pytest.mark.parametrize("database", sorted(schemas()))
async def test_every_table_of_the_service_is_closed(service_database: ServiceDatabases, database: str) -> None:
    reviewed = REVIEWED.get(database, frozenset())
    async with administrator(service_database(database)) as connection:
        found = await holes(connection, database=database, reviewed=reviewed)
        found += await leaks(connection, database=database, reviewed=reviewed)
    assert not found, "\n".join(found)


async def test_the_shared_tables_and_a_good_table_are_closed(good: ServiceDatabase) -> None:
    async with administrator(good) as connection:
        assert await holes(connection, database="identity") == []
        assert await leaks(connection, database="identity") == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_hole_is_found(good: ServiceDatabase, fault: str) -> None:
    statement, hole = FAULTS[fault]
    async with administrator(good) as connection:
        await connection.execute(f"SET ROLE identity_owner; {statement} RESET ROLE")
        assert hole in await holes(connection, database="identity")


@pytest.mark.parametrize("fault", LEAKS)
async def test_a_leak_is_found(good: ServiceDatabase, fault: str) -> None:
    statement, leak = LEAKS[fault]
    async with administrator(good) as connection:
        await connection.execute(f"SET ROLE identity_owner; {statement} RESET ROLE")
        assert any(found.startswith(leak) for found in await leaks(connection, database="identity"))


def test_every_line_of_the_reviewed_list_gives_its_reason() -> None:
    for line in FILE.read_text().splitlines():
        grant, _, reason = line.partition("#")
        assert not grant.strip() or len(reason.strip()) > 10, line


@pytest.fixture
def good(service_database: ServiceDatabases, tmp_path_factory: pytest.TempPathFactory) -> ServiceDatabase:
    """A database with the shared tables and one table as it should be."""
    file = tmp_path_factory.getbasetemp() / "note.sql"
    file.write_text(GOOD)
    return service_database("identity", [ROOT / "libs/outbox/sql", ROOT / "libs/events/sql", Path(file)])


@asynccontextmanager
async def administrator(database: ServiceDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database.administrator)
    try:
        yield connection
    finally:
        await connection.close()
