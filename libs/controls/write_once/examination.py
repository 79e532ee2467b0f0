"""Tries to change what is written once, under every role that a service has, and reads who else could."""

from collections.abc import Mapping, Sequence

import asyncpg

from libs.controls.examined import Examined, Finding, together
from libs.controls.row_security.table import Table, read_tables
from libs.controls.write_once.right import CHANGES, Right
from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction

_HELD = """
SELECT c.relname::text AS name,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum) AS columns,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND has_column_privilege(c.oid, a.attnum, 'UPDATE')) AS updated,
    has_table_privilege(c.oid, 'DELETE') AS deletes, has_table_privilege(c.oid, 'TRUNCATE') AS truncates
FROM pg_class c WHERE c.oid = ANY ($1::oid[]) ORDER BY c.relname
"""
#: The tables that triggers guard, and which of pg_trigger.tgtype's events the enabled ones do: before every statement,
#: whatever it is about and whichever columns it changes.
_GUARDED = """
SELECT c.relname::text AS name, COALESCE(bit_or(t.tgtype & ~3) FILTER (
    WHERE t.tgenabled IN ('O', 'A') AND t.tgtype & 1 = 0 AND t.tgtype & 2 = 2 AND t.tgqual IS NULL AND t.tgattr = ''
        AND p.proname = $2 AND p.pronamespace = c.relnamespace
), 0) AS events
FROM pg_class c
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
LEFT JOIN pg_proc p ON p.oid = t.tgfoid
WHERE c.relname = $1 OR EXISTS (
    SELECT FROM pg_inherits i JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE i.inhrelid = c.oid AND parent.relname = $1
)
GROUP BY c.relname ORDER BY c.relname
"""
_ALL_EVENTS = 8 | 16 | 32  # DELETE, UPDATE, TRUNCATE
#: Figures of this examination.
ATTEMPTS, REFUSED = "attempts", "refused attempts"
#: A lock that is not free at once is not waited for: others work here.
_LOCK = "SET LOCAL lock_timeout = '250ms'"


class WriteOnce:
    """Examines all tables of a database but some: who could change or remove a row that is there."""

    def __init__(
        self,
        *,
        database: str,
        by_role: Mapping[str, Database],
        apart: frozenset[str],
        rights: Sequence[Right],
        guarded: str,
        guard: str,
    ) -> None:
        """`database` is what the names of its roles begin with; `by_role` are the service's connections; `apart` the
        tables that are no part of it; `rights` what roles may on purpose. On `guarded` and each of its partitions a
        trigger of the function `guard` must refuse changes to everybody."""
        self._database = database
        self._by_role = by_role
        self._apart = apart
        self._rights = {(right.role, right.table, right.command): right for right in rights}
        self._guarded = guarded
        self._guard = guard

    async def __call__(self) -> Examined:
        async with self._by_role["runtime"].transaction(Context()) as tx:
            tables = [each for each in await read_tables(tx) if each.holds_rows and each.name not in self._apart]
            guarded, findings = await self._unguarded(tx)
        findings += self._others(tables)
        tried = []
        for role, database in self._by_role.items():
            async with database.transaction(Context()) as tx:
                await tx.execute(_LOCK)
                tried.append(await self._tried(tx, tables, role))
        whole = together(tried)
        roles = ", ".join(f"{self._database}_{role}" for role in self._by_role)
        headline = (
            f"{whole.figures[REFUSED]} of {whole.figures[ATTEMPTS]} attempts to {', '.join(CHANGES)} "
            f"{len(tables)} tables as {roles} were refused"
        )
        refusal = f"triggers refuse changes of {guarded} tables to their owner too"
        return Examined(
            facts=(headline, refusal, *whole.facts), findings=(*findings, *whole.findings), figures=whole.figures
        )

    async def _unguarded(self, tx: Transaction) -> tuple[int, list[Finding]]:
        rows = await tx.fetch(_GUARDED, self._guarded, self._guard)
        missing = [row["name"] for row in rows if row["events"] & _ALL_EVENTS != _ALL_EVENTS]
        what = f"no trigger refuses {', '.join(CHANGES)} to everybody"
        found = [Finding(name, what) for name in missing]
        if not rows:
            found = [Finding(self._guarded, "there is no such table")]
        return len(rows) - len(missing), found

    def _others(self, tables: Sequence[Table]) -> list[Finding]:
        """Rights of roles that the service does not work under."""
        ours = {f"{self._database}_{role}" for role in self._by_role}
        return [
            Finding(table.name, f"{role} may {privilege}")
            for table in tables
            for role, privilege in sorted(table.grants)
            if privilege in CHANGES and role not in ours
        ]

    async def _tried(self, tx: Transaction, tables: Sequence[Table], role: str) -> Examined:
        """What came of the attempts of one role, and which rights it has on purpose."""
        by_name = {table.name: table for table in tables}
        attempts = passed = 0
        found: list[Finding] = []
        told: list[str] = []
        for row in await tx.fetch(_HELD, [table.oid for table in tables]):
            held = {"UPDATE": row["updated"], "DELETE": row["deletes"], "TRUNCATE": row["truncates"]}
            for command in CHANGES:
                right = self._rights.get((role, row["name"], command))
                if held[command]:
                    faults = self._too_much(by_name[row["name"]], role, command, columns=row["updated"], right=right)
                    found += [Finding(row["name"], fault) for fault in faults]
                    told += [right.told(self._database)] if right and not faults else []
                statement = _statement(command, row)
                if statement is None:
                    continue
                attempts += 1
                if await _passes(tx, statement):
                    passed += 1
                    found.append(Finding(row["name"], f"{self._database}_{role} gets through with {statement}"))
        figures = {ATTEMPTS: attempts, REFUSED: attempts - passed}
        return Examined(facts=tuple(told), findings=tuple(found), figures=figures)

    def _too_much(
        self, table: Table, role: str, command: str, *, columns: Sequence[str], right: Right | None
    ) -> list[str]:
        """In what a right that is held goes beyond the one that is documented."""
        name = f"{self._database}_{role}"
        if right is None:
            return [f"{name} may UPDATE {', '.join(columns)}" if command == "UPDATE" else f"{name} may {command}"]
        faults = []
        if further := sorted(set(columns) - right.columns) if command == "UPDATE" else []:
            faults.append(f"{name} may UPDATE further columns: {', '.join(further)}")
        for policy in table.policies:
            if policy.permissive and policy.concerns(name, command) and policy.using != right.rows:
                faults.append(f"{name} may {command} where {policy.using}; documented is where {right.rows}")
        return faults


def _statement(command: str, row: asyncpg.Record) -> str | None:
    """A statement that the role has no right to, and that would change nothing if it had; None without one.

    What a role may TRUNCATE is not tried: it would lock the table.
    """
    name = row["name"]
    if command == "UPDATE":
        refused = [column for column in row["columns"] if column not in row["updated"]]
        return f'UPDATE "{name}" SET "{refused[0]}" = DEFAULT WHERE false' if refused else None  # noqa: S608 - names are the catalogue's
    if command == "DELETE":
        return None if row["deletes"] else f'DELETE FROM "{name}" WHERE false'  # noqa: S608 - likewise
    return None if row["truncates"] else f'TRUNCATE "{name}"'


async def _passes(tx: Transaction, statement: str) -> bool:
    """Whether the statement is carried out. It is undone in any case."""
    try:
        async with tx.savepoint():
            await tx.execute(statement)
            raise _Undone
    except asyncpg.InsufficientPrivilegeError:
        return False
    except _Undone:
        return True


class _Undone(Exception):
    """Takes back what was carried out."""
