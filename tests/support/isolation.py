"""Tries, as each role and with each command, to reach a tenant's row from another tenant's context."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import asyncpg

from libs.controls.row_security.reviewed import Grant
from libs.controls.row_security.table import COMMANDS, TENANT, Table, read_tables
from libs.db.context import Context, Standing

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

#: Whose row it is, and who tries.
WORKSPACE = UUID("018f0000-0000-7000-8000-00000000000a")
SUBJECT = UUID("018f0000-0000-7000-8000-00000000000b")
FOREIGN = Context(
    workspaces=frozenset({UUID("018f0000-0000-7000-8000-00000000000c")}),
    subjects=frozenset({UUID("018f0000-0000-7000-8000-00000000000d")}),
    standing="administrator",
)
_STANDINGS: tuple[Standing, ...] = ("", "member", "administrator")

_COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, t.typcategory::text AS category,
    t.typname AS base, a.attgenerated <> '' AS generated, a.attidentity <> '' AS identity,
    (SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1) AS label
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_CONSTRAINTS = "SELECT conname FROM pg_constraint WHERE conrelid = $1 AND contype IN ('c', 'f', 'x')"
#: A value of each type. With the constraints out of the way, any will do.
_VALUES = {
    "uuid": "gen_random_uuid()",
    "bool": "true",
    "bytea": "'\\x01'::bytea",
    "timestamptz": "now() + interval '1 hour'",
    "date": "CURRENT_DATE",
    "jsonb": "'{}'::jsonb",
    "json": "'{}'::json",
    "inet": "'192.0.2.1'::inet",
    "interval": "interval '1 hour'",
    "xid8": "pg_current_xact_id()",
}
_CATEGORIES = {"S": "'x'", "N": "1", "A": "'{}'"}


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: str
    value: str


async def leaks(connection: Connection, *, database: str, reviewed: Collection[Grant] = ()) -> list[str]:
    """Every way to a foreign row that was found, one sentence each; also tables where nothing could be tried.

    `connection` is the administrator's. Each table is tried in a transaction that first takes its constraints away, so
    that a row can be made without knowing what it means, and that is rolled back. `reviewed` are the rights that
    may reach every tenant's rows.
    """
    found: list[str] = []
    for table in await read_tables(connection):
        if table.kind not in ("r", "p") or table.partition or table.tag not in (*TENANT, "claim"):
            continue
        transaction = connection.transaction()
        await transaction.start()
        try:
            row = await _plant(connection, table)
            if table.tag in TENANT and not await _visible_at_home(connection, table, role=f"{database}_runtime"):
                found.append(f"{table.name}: its own tenant does not see the row of this test, so it proves nothing")
            for short in ("runtime", "relay", "jobs"):
                for command in COMMANDS:
                    if Grant(role=short, on=table.name, command=command) not in reviewed:
                        role = f"{database}_{short}"
                        found += await _attempts(connection, table, row, role=role, command=command)
        finally:
            await transaction.rollback()
    return found


async def _plant(connection: Connection, table: Table) -> Sequence[_Column]:
    """Puts one row of the tenant into the table, past all that would refuse it."""
    await connection.execute("SET LOCAL session_replication_role = replica")
    for constraint in await connection.fetch(_CONSTRAINTS, table.oid):
        await connection.execute(f'ALTER TABLE "{table.name}" DROP CONSTRAINT "{constraint["conname"]}"')
    columns = [_column(row, table) for row in await connection.fetch(_COLUMNS, table.oid) if not row["generated"]]
    if table.kind == "p":
        # So that a row which fits nowhere else is not refused for that, before any policy is asked.
        with suppress(asyncpg.InvalidObjectDefinitionError):  # there is one
            async with connection.transaction():
                await connection.execute(f'CREATE TABLE planted_partition PARTITION OF "{table.name}" DEFAULT')
    await connection.execute(_insert(table, columns))
    return columns


def _column(row: asyncpg.Record, table: Table) -> _Column:
    name = row["name"]
    compared = table.tenant_columns.get(name, "")
    if row["base"] == "uuid" and (compared == "subjects" or (not compared and "subject" in name)):
        value = f"'{SUBJECT}'"
    elif row["base"] == "uuid" and (compared == "workspaces" or "workspace" in name):
        value = f"'{WORKSPACE}'"
    elif row["label"] is not None:
        value = f"'{row['label']}'"
    else:
        value = _VALUES.get(row["base"]) or _CATEGORIES.get(row["category"], "NULL")
    return _Column(name=name, type=row["type"], value=value)


def _insert(table: Table, columns: Sequence[_Column]) -> str:
    names = ", ".join(f'"{column.name}"' for column in columns)
    values = ", ".join(f"({column.value})::{column.type}" for column in columns)
    return f'INSERT INTO "{table.name}" ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})'


async def _visible_at_home(connection: Connection, table: Table, *, role: str) -> bool:
    """Whether the tenant itself sees the row, with any standing; true where the role may not read at all."""
    if (role, "SELECT") not in table.grants:
        return True
    subjects, workspaces = frozenset({SUBJECT}), frozenset({WORKSPACE})
    for standing in _STANDINGS:
        home = Context(workspaces=workspaces, subjects=subjects, standing=standing)
        if await _outcome(connection, f'SELECT FROM "{table.name}"', role=role, context=home):
            return True
    return False


async def _attempts(
    connection: Connection, table: Table, row: Sequence[_Column], *, role: str, command: str
) -> list[str]:
    found = []
    for name, context in (("no context", Context()), ("another tenant's context", FOREIGN)):
        for statement in _statements(table, row, role=role, command=command):
            if await _outcome(connection, statement, role=role, context=context):
                found.append(f"{table.name}: {role} with {name} gets through with {statement}")
    return found


def _statements(table: Table, row: Sequence[_Column], *, role: str, command: str) -> Iterator[str]:
    if (role, command) not in table.grants:
        return
    if command == "SELECT":
        yield f'SELECT FROM "{table.name}"'
    elif command == "DELETE":
        yield f'DELETE FROM "{table.name}"'
    elif command == "UPDATE":
        # A column that is not granted is refused before any policy, so each is tried alone.
        for column in row:
            yield f'UPDATE "{table.name}" SET "{column.name}" = ({column.value})::{column.type}'
    else:
        yield _insert(table, row)
        yield from (_insert(table, [each for each in row if each is not column]) for column in row)


async def _outcome(connection: Connection, statement: str, *, role: str, context: Context) -> bool:
    """Whether the statement reached a row, or wrote one."""
    attempt = connection.transaction()
    await attempt.start()
    try:
        await connection.execute(f"SET LOCAL ROLE {role}")
        # The first of these statements begins a transaction; this one runs already.
        await connection.execute(context.begin().removeprefix("BEGIN;"))
        status = await connection.execute(statement)
        return not status.endswith(" 0")
    except asyncpg.InsufficientPrivilegeError:
        return False
    except asyncpg.IntegrityConstraintViolationError:
        # Policies are checked before constraints: this one let it through.
        return True
    finally:
        await attempt.rollback()
