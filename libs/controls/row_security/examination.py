"""Control T2, as a service examines it: its databases' catalogues, and what its roles see without a context."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from libs.controls.examined import Examined, Finding, together
from libs.controls.row_security.reviewed import FILE, Grant, read_reviewed
from libs.controls.row_security.rules import CONTEXT, broken_rules
from libs.controls.row_security.table import TENANT, Table, read_tables
from libs.db.context import Context
from libs.db.errors import DatabaseUnavailable
from libs.db.pool import Database
from libs.db.transaction import Transaction

#: Figures of this examination.
TABLES, TENANT_TABLES, POLICIES = "tables", "tenant tables", "policies"
TENANT_POLICIES, COVERED = "policies of tenant tables", "tenant tables with policies"
QUERIES, ROWS, SEEN = "queries without a workspace", "rows in tenant tables", "tables that showed a row"

#: How many rows there are, about: the statistics know it, which no policy hides.
_ROWS = "SELECT COALESCE(sum(n_live_tup), 0)::bigint FROM pg_stat_user_tables WHERE relname = ANY ($1::text[])"
_SELF = """
SELECT current_user::text AS name, session_user::text AS login, rolsuper OR rolbypassrls AS powerful
FROM pg_roles WHERE rolname = current_user
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """One database, and the service's connections to it by role: "runtime" and, where there are any, the others."""

    #: What the names of its roles begin with.
    database: str
    by_role: Mapping[str, Database]


class RowSecurity:
    """Looks at every table of the databases, and queries every tenant table under every role, without a context."""

    def __init__(self, *, databases: Sequence[Roles], reviewed: Mapping[str, frozenset[Grant]] | None = None) -> None:
        """`reviewed` are the rights of narrow roles by database; those of the list without it. Raises OSError."""
        self._databases = databases
        self._reviewed = read_reviewed(FILE.read_text(encoding="utf-8")) if reviewed is None else reviewed

    async def __call__(self) -> Examined:
        return together([await self._examined(roles) for roles in self._databases])

    async def _examined(self, roles: Roles) -> Examined:
        """One database, whatever the others do."""
        try:
            return await self._database(roles)
        except DatabaseUnavailable:
            return Examined(unknown=(f"{roles.database}: the database does not answer",))

    async def _database(self, roles: Roles) -> Examined:
        reviewed = self._reviewed.get(roles.database, frozenset())
        async with roles.by_role["runtime"].transaction(Context()) as tx:
            tables = await read_tables(tx)
            findings = await broken_rules(tx, tables, database=roles.database, reviewed=reviewed)
            holding = [table.name for table in tables if table.holds_rows and table.tag in TENANT]
            rows: int = (await tx.fetch(_ROWS, holding))[0][0]
        figures = {**_counted(tables), QUERIES: 0, ROWS: rows, SEEN: 0}
        for role, database in roles.by_role.items():
            looked = await _look(database, tables, name=f"{roles.database}_{role}", role=role, reviewed=reviewed)
            findings += looked.findings
            figures[QUERIES] += looked.figures[QUERIES]
            figures[SEEN] += looked.figures[SEEN]
        where = tuple(Finding(f"{each.where} in {roles.database}", each.what) for each in findings)
        return Examined(facts=(_told(roles, tables, figures, reviewed),), findings=where, figures=figures)


async def _look(
    database: Database, tables: Sequence[Table], *, name: str, role: str, reviewed: Collection[Grant]
) -> Examined:
    """How many queries a role made without a context, and the tables that let it see a row."""
    made = seen = 0
    found: list[Finding] = []
    async with database.transaction(Context()) as tx:
        # Every tenant table has an index that begins with what the policy compares; nobody's tables are read through.
        await tx.execute("SET TRANSACTION READ ONLY; SET LOCAL enable_seqscan = off")
        found += [Finding(f"role {name}", what) for what in await _about(tx, name)]
        for table in tables:
            listed = Grant(role=role, on=table.name, command="SELECT") in reviewed
            if not table.holds_rows or table.tag not in TENANT or listed:
                continue
            made += 1
            try:
                async with tx.savepoint():
                    rows = await tx.fetch(f'SELECT FROM "{table.name}" LIMIT 1')
            except asyncpg.InsufficientPrivilegeError:
                continue
            if rows:
                seen += 1
                found.append(Finding(table.name, f"{name} sees a row without a workspace"))
    return Examined(findings=tuple(found), figures={QUERIES: made, SEEN: seen})


async def _about(tx: Transaction, name: str) -> list[str]:
    """What is wrong with the role that the connection is, as the database knows it."""
    (row,) = await tx.fetch(_SELF)
    faults = []
    if (row["name"], row["login"]) != (name, name):
        faults.append(f"the service is connected as {row['login']} instead")
    if row["powerful"]:
        faults.append(f"{row['name']} is not bound by policies")
    return faults


def _counted(tables: Sequence[Table]) -> dict[str, int]:
    """Tables and policies; a partition is part of its table, and its parent's policies are its own."""
    whole = [table for table in tables if table.holds_rows and not table.partition]
    tenant = [table for table in whole if table.tag in TENANT]
    covered = [table for table in tenant if _is_covered(table)]
    return {
        TABLES: len(whole),
        TENANT_TABLES: len(tenant),
        POLICIES: sum(len(table.policies) for table in whole),
        TENANT_POLICIES: sum(len(table.policies) for table in tenant),
        COVERED: len(covered),
    }


def _is_covered(table: Table) -> bool:
    """Whether a policy binds somebody to the context, and each command that is granted has a policy."""
    bound = any(policy.binds(role, CONTEXT[table.tag]) for policy in table.policies for role in policy.roles)
    permitted = all(
        any(policy.permissive and policy.concerns(role, command) for policy in table.policies)
        for role, command in table.granted()
    )
    return table.enabled and table.forced and bound and permitted


def _told(roles: Roles, tables: Sequence[Table], figures: Mapping[str, int], reviewed: Collection[Grant]) -> str:
    present = {table.name for table in tables}
    listed = sum(1 for grant in reviewed if grant.on in present or grant.command == "EXECUTE")
    return (
        f"{roles.database}: {figures[TABLES]} tables, {figures[TENANT_TABLES]} of them tenants', "
        f"{figures[POLICIES]} policies; {figures[QUERIES]} queries without a workspace as "
        f"{', '.join(roles.by_role)} saw {figures[SEEN]} of about {figures[ROWS]} rows; "
        f"{listed} reviewed rights of narrow roles"
    )
