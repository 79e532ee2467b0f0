"""What a service's own database role sees and changes of a tenant that is not in its context."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

#: Tables by the column that says whose a row is, as far as the present role may read that column.
TENANT_COLUMNS = """
SELECT c.relname AS table, a.attname AS column
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.atttypid = 'uuid'::regtype
   AND a.attname IN ('workspace_id', 'log_id', 'subject_id')
   AND has_column_privilege(c.oid, a.attnum, 'SELECT')
 ORDER BY c.relname, a.attname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A workspace and its people, as text."""

    workspace: str
    subjects: tuple[str, ...]

    def values(self, column: str) -> list[UUID]:
        """What `column` holds in this tenant's rows."""
        return [UUID(each) for each in (self.subjects if column == "subject_id" else (self.workspace,))]


@dataclass(slots=True)
class Found:
    """What was seen, in rows, and tried."""

    tables: int = 0
    own: int = 0
    foreign: int = 0
    without_context: int = 0
    commands: int = 0
    changed: int = 0


async def look(url: str, *, own: Tenant, other: Tenant) -> Found:
    """Looks for rows of `other` in the context of `own`, with the strongest standing there is, in every table."""
    connection = await asyncpg.connect(url)
    try:
        found = Found()
        columns = await connection.fetch(TENANT_COLUMNS)
        found.tables = len({row["table"] for row in columns})
        for table, column in ((row["table"], row["column"]) for row in columns):
            count = f'SELECT count(*) FROM "{table}" WHERE "{column}" = ANY ($1)'  # noqa: S608 - names of the catalogue
            async with context(connection, own):
                found.own += await connection.fetchval(count, own.values(column))
                found.foreign += await connection.fetchval(count, other.values(column))
            found.without_context += await connection.fetchval(count, own.values(column) + other.values(column))
            for command in (
                f'UPDATE "{table}" SET "{column}" = "{column}" WHERE "{column}" = ANY ($1)',  # noqa: S608 - as above
                f'DELETE FROM "{table}" WHERE "{column}" = ANY ($1)',  # noqa: S608 - as above
            ):
                found.commands += 1
                found.changed += await changed(connection, command, own, other.values(column))
        return found
    finally:
        await connection.close()


@asynccontextmanager
async def context(connection: Connection, tenant: Tenant) -> AsyncIterator[None]:
    """A transaction in the context of `tenant`, rolled back at its end."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        for setting, value in (
            ("wardenry.workspaces", tenant.workspace),
            ("wardenry.subjects", ",".join(tenant.subjects)),
            ("wardenry.standing", "administrator"),
        ):
            await connection.execute("SELECT set_config($1, $2, true)", setting, value)
        yield
    finally:
        await transaction.rollback()


async def changed(connection: Connection, command: str, own: Tenant, values: list[UUID]) -> int:
    """How many rows the command would change. A role that may not even try changes none."""
    try:
        async with context(connection, own):
            return int((await connection.execute(command, values)).rpartition(" ")[2])
    except asyncpg.InsufficientPrivilegeError:
        return 0
