"""Tables, policies and grants, as a database's own catalogue has them. Any role may read it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg

#: How the comment of a table says whose rows it holds.
TAGS = ("workspace", "subject", "platform", "queue", "claim")
#: The tags of tables whose rows belong to a tenant.
TENANT = ("workspace", "subject")
COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: Everyone, as a role.
PUBLIC = "PUBLIC"
_POLICY_COMMANDS = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
#: `column = ANY (… context_workspaces() …)`, however PostgreSQL prints the sub-select in it.
_COMPARED = re.compile(r"(\w+) = ANY \(\(?(?: ?SELECT )?(?:\w+\.)?context_(workspaces|subjects)\(\)")
#: The same and nothing else: `… OR true` would compare, too.
_COMPARED_ALONE = re.compile(
    r"\(\w+ = ANY \(\(?(?: ?SELECT )?(?:\w+\.)?(context_(?:workspaces|subjects)\(\))(?: AS \w+)?\)(?:::uuid\[\]\))?\)"
)

_TABLES = """
SELECT c.oid, c.relname AS name, c.relkind::text AS kind, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
    pg_get_userbyid(c.relowner) AS owner, c.relispartition AS partition, obj_description(c.oid, 'pg_class') AS comment,
    COALESCE(c.reloptions, '{}') AS options,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND col_description(c.oid, a.attnum) IS NULL) AS uncommented
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY c.relname
"""
_GRANTS = """
SELECT c.oid, pg_get_userbyid(grants.grantee) AS role, grants.grantee = 0 AS everyone,
    grants.privilege_type AS privilege
FROM pg_class c CROSS JOIN LATERAL (
    SELECT * FROM aclexplode(c.relacl)
    UNION ALL
    SELECT acl.* FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) acl WHERE a.attrelid = c.oid
) AS grants
WHERE c.oid = ANY ($1::oid[]) AND grants.grantee <> c.relowner
"""
_POLICIES = """
SELECT polrelid AS oid, polname AS name, polcmd::text AS command, polpermissive AS permissive,
    ARRAY(SELECT CASE WHEN role = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role) END FROM unnest(polroles) role)::text[]
        AS roles,
    COALESCE(pg_get_expr(polqual, polrelid), '') AS using,
    COALESCE(pg_get_expr(polwithcheck, polrelid), pg_get_expr(polqual, polrelid), '') AS checked
FROM pg_policy WHERE polrelid = ANY ($1::oid[])
"""
_KEYS = """
SELECT i.indrelid AS oid, c.relname AS name, a.attname AS first
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = ANY ($1::oid[]) AND (i.indisunique OR i.indisexclusion)
"""


class Catalogue(Protocol):
    """Whatever runs a statement: a connection, or one of our transactions."""

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy of row security."""

    name: str
    #: One of COMMANDS, or ALL.
    command: str
    permissive: bool
    #: Roles, or PUBLIC.
    roles: frozenset[str]
    #: Which rows it lets be seen and changed, and which written, as PostgreSQL prints the expressions.
    using: str
    checked: str

    def binds(self, role: str, names: Collection[str]) -> bool:
        """Whether it restricts all that the role reads and writes to what one of the context functions names."""
        if self.permissive or self.command != "ALL" or not self.roles & {role, PUBLIC}:
            return False
        compared = _COMPARED_ALONE.fullmatch(self.using)
        return compared is not None and compared[1] in names and self.checked == self.using

    def concerns(self, role: str, command: str) -> bool:
        """Whether it is asked when the role gives the command."""
        return self.command in ("ALL", command) and bool(self.roles & {role, PUBLIC})


@dataclass(slots=True, kw_only=True)
class Table:
    """A table or view."""

    oid: int
    name: str
    #: pg_class.relkind.
    kind: str
    enabled: bool
    forced: bool
    owner: str
    partition: bool
    #: What its comment begins with, without the brackets; empty without one.
    tag: str
    uncommented: Sequence[str]
    options: Sequence[str]
    policies: list[Policy] = field(default_factory=list)
    #: (role or PUBLIC, privilege), on the table or on one of its columns; the owner's are left out.
    grants: set[tuple[str, str]] = field(default_factory=set)
    #: Unique keys and their first columns.
    keys: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def holds_rows(self) -> bool:
        """Whether it is a table, partitioned or not, or a partition of one."""
        return self.kind in ("r", "p")

    @property
    def tenant_columns(self) -> dict[str, str]:
        """The columns that a restrictive policy compares with the context, and with which set of it."""
        found: dict[str, str] = {}
        for policy in self.policies:
            if not policy.permissive:
                found.update(_COMPARED.findall(policy.using) + _COMPARED.findall(policy.checked))
        return found

    def is_bound(self, role: str, names: Collection[str]) -> bool:
        """Whether a restrictive policy binds the role, in all that it reads and writes, to one of these functions."""
        return any(policy.binds(role, names) for policy in self.policies)

    def granted(self) -> list[tuple[str, str]]:
        """(role, command) of what policies decide on."""
        return sorted((role, privilege) for role, privilege in self.grants if privilege in COMMANDS)


async def read_tables(catalogue: Catalogue) -> list[Table]:
    """Every table and view of the database, by name."""
    tables: dict[int, Table] = {}
    for row in await catalogue.fetch(_TABLES):
        tag = re.match(r"\[(\w+)\] \S", row["comment"] or "")
        tables[row["oid"]] = Table(
            **{name: row[name] for name in ("oid", "name", "kind", "enabled", "forced", "owner", "partition")},
            **{name: row[name] for name in ("uncommented", "options")},
            tag=tag[1] if tag else "",
        )
    for row in await catalogue.fetch(_GRANTS, list(tables)):
        tables[row["oid"]].grants.add((PUBLIC if row["everyone"] else row["role"], row["privilege"]))
    for row in await catalogue.fetch(_POLICIES, list(tables)):
        tables[row["oid"]].policies.append(
            Policy(
                **{name: row[name] for name in ("name", "permissive", "using", "checked")},
                command=_POLICY_COMMANDS[row["command"]],
                roles=frozenset(row["roles"]),
            )
        )
    for row in await catalogue.fetch(_KEYS, list(tables)):
        tables[row["oid"]].keys.append((row["name"], row["first"]))
    for table in tables.values():
        table.policies.sort(key=lambda policy: policy.name)
    return list(tables.values())
