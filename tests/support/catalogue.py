"""Reads a database's catalogue and says where row security has a hole."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import asyncpg

TAGS = ("workspace", "subject", "platform", "queue", "claim")
#: The tags of tables whose rows belong to a tenant.
TENANT = ("workspace", "subject")
COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_POLICY_COMMANDS = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
#: `column = ANY (… context_workspaces() …)`, however PostgreSQL prints the sub-select in it.
_COMPARED = re.compile(r"(\w+) = ANY \(\(?(?: ?SELECT )?(?:\w+\.)?context_(workspaces|subjects)\(\)")
_CONTEXT = {"workspace": ("context_workspaces()",), "subject": ("context_subjects()", "context_workspaces()")}

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
_FOREIGN_KEYS = """
SELECT conname AS name, conrelid AS oid, confrelid AS target, here.attname AS first, there.attname AS target_first
FROM pg_constraint
JOIN pg_attribute here ON here.attrelid = conrelid AND here.attnum = conkey[1]
JOIN pg_attribute there ON there.attrelid = confrelid AND there.attnum = confkey[1]
WHERE contype = 'f'
"""
_FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, p.prosecdef AS definer, pg_get_userbyid(p.proowner) AS owner,
    r.rolcanlogin AS login, COALESCE(p.proconfig, '{}') AS config,
    p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) WHERE grantee = 0) AS everyone
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_ROLES = """
SELECT rolname AS name, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS powerful,
    EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid) AS member,
    EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) OR EXISTS (SELECT FROM pg_proc WHERE proowner = r.oid)
        OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = r.oid)
        OR EXISTS (SELECT FROM pg_type WHERE typowner = r.oid) AS owns,
    has_schema_privilege(r.oid, 'public', 'CREATE') AS creates
FROM pg_roles r WHERE rolname = ANY ($1::text[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    name: str
    command: str
    permissive: bool
    roles: frozenset[str]
    using: str
    checked: str

    def concerns(self, role: str, command: str) -> bool:
        return self.command in ("ALL", command) and bool(self.roles & {role, "PUBLIC"})


@dataclass(slots=True, kw_only=True)
class Table:
    oid: int
    name: str
    kind: str
    enabled: bool
    forced: bool
    owner: str
    partition: bool
    tag: str
    uncommented: Sequence[str]
    options: Sequence[str]
    policies: list[Policy] = field(default_factory=list)
    #: (role, privilege), "PUBLIC" for everyone.
    grants: set[tuple[str, str]] = field(default_factory=set)
    keys: list[tuple[str, str | None]] = field(default_factory=list)

    @property
    def tenant_columns(self) -> dict[str, str]:
        """The columns that a restrictive policy compares with the context, and with which set of it."""
        found: dict[str, str] = {}
        for policy in self.policies:
            if not policy.permissive:
                found.update(_COMPARED.findall(policy.using) + _COMPARED.findall(policy.checked))
        return found

    def is_bound(self, role: str, names: Iterable[str]) -> bool:
        """Whether a restrictive policy names one of the context functions for all that the role reads and writes."""
        return any(
            not policy.permissive
            and policy.command == "ALL"
            and policy.roles & {role, "PUBLIC"}
            and any(name in policy.using and name in policy.checked for name in names)
            for policy in self.policies
        )

    def granted(self) -> list[tuple[str, str]]:
        return sorted((role, privilege) for role, privilege in self.grants if privilege in COMMANDS)


async def read_tables(connection: "asyncpg.Connection[asyncpg.Record]") -> list[Table]:
    """Every table and view of the database. Needs a role that sees all, in a transaction of no consequence."""
    tables: dict[int, Table] = {}
    for row in await connection.fetch(_TABLES):
        tag = re.match(r"\[(\w+)\] \S", row["comment"] or "")
        tables[row["oid"]] = Table(
            **{name: row[name] for name in ("oid", "name", "kind", "enabled", "forced", "owner", "partition")},
            **{name: row[name] for name in ("uncommented", "options")},
            tag=tag[1] if tag else "",
        )
    for row in await connection.fetch(_GRANTS, list(tables)):
        tables[row["oid"]].grants.add(("PUBLIC" if row["everyone"] else row["role"], row["privilege"]))
    for row in await connection.fetch(_POLICIES, list(tables)):
        tables[row["oid"]].policies.append(
            Policy(
                **{name: row[name] for name in ("name", "permissive", "using", "checked")},
                command=_POLICY_COMMANDS[row["command"]],
                roles=frozenset(row["roles"]),
            )
        )
    for row in await connection.fetch(_KEYS, list(tables)):
        tables[row["oid"]].keys.append((row["name"], row["first"]))
    for table in tables.values():
        table.policies.sort(key=lambda policy: policy.name)
    return list(tables.values())


async def holes(
    connection: "asyncpg.Connection[asyncpg.Record]", *, database: str, reviewed: Collection[tuple[str, str, str]] = ()
) -> list[str]:
    """What breaks the rules of row security, one sentence each. `reviewed` lists (role, table, command) of the narrow
    roles that may see rows of every tenant."""
    tables = await read_tables(connection)
    found = [hole for each in tables for hole in _of_table(each, database=database, reviewed=set(reviewed))]
    by_oid = {table.oid: table for table in tables}
    for row in await connection.fetch(_FOREIGN_KEYS):
        here, there = by_oid[row["oid"]], by_oid[row["target"]]
        begins = row["first"] in here.tenant_columns and row["target_first"] in there.tenant_columns
        if there.tag in (*TENANT, "claim") and not begins:
            found.append(f"{here.name}: foreign key {row['name']} crosses tenants: it does not begin with their column")
    for row in await connection.fetch(_FUNCTIONS):
        found += _of_function(row, reviewed=("owner", row["name"], "EXECUTE") in set(reviewed))
    for role, table, privilege in reviewed:
        grants = [grant for each in tables if each.name == table for grant in each.grants]
        if role != "owner" and (f"{database}_{role}", privilege) not in grants:
            found.append(f"{table}: the reviewed list lets {role} {privilege}, which it is not granted")
    names = [f"{database}_{role}" for role in ("runtime", "relay", "jobs")]
    for row in await connection.fetch(_ROLES, names):
        for what in ("powerful", "member", "owns", "creates"):
            if row[what]:
                found.append(f"role {row['name']}: {_ROLE_FAULTS[what]}")
    return found


_ROLE_FAULTS = {
    "powerful": "has an attribute that reaches past policies",
    "member": "is a member of another role",
    "owns": "owns objects",
    "creates": "may create objects in public",
}


def _of_function(row: asyncpg.Record, *, reviewed: bool) -> Iterator[str]:
    if not row["definer"]:
        return
    if not any(setting.startswith("search_path=") for setting in row["config"]):
        yield f"function {row['name']}: is SECURITY DEFINER and does not pin search_path"
    if row["login"] and not reviewed:
        yield f"function {row['name']}: is SECURITY DEFINER and its owner {row['owner']} can log in"
    if row["everyone"]:
        yield f"function {row['name']}: is SECURITY DEFINER and everyone may call it"


def _of_table(table: Table, *, database: str, reviewed: set[tuple[str, str, str]]) -> Iterator[str]:
    if table.kind == "v":
        if not {"security_invoker=true", "security_invoker=on"} & set(table.options):
            yield f"view {table.name}: is not security_invoker"
    elif table.kind in ("m", "f"):
        yield f"{table.name}: materialized views and foreign tables have no row security"
    else:
        yield from _of_rights(table, owner=f"{database}_owner")
        if not table.partition:
            yield from _of_comments(table)
            yield from _of_policies(table, owner=f"{database}_owner")
            if table.tag in (*TENANT, "claim"):
                yield from _of_narrow_roles(table, database=database, reviewed=reviewed)
            if table.tag in TENANT:
                yield from _of_tenancy(table, runtime=f"{database}_runtime")


def _of_rights(table: Table, *, owner: str) -> Iterator[str]:
    if not (table.enabled and table.forced):
        yield f"{table.name}: row security is not enabled and forced"
    if table.owner != owner:
        yield f"{table.name}: is owned by {table.owner}, not by {owner}"
    for role, privilege in sorted(table.grants):
        if role == "PUBLIC":
            yield f"{table.name}: everyone has {privilege}"
        elif privilege not in COMMANDS:
            yield f"{table.name}: {role} has {privilege}"
    if table.partition and table.grants:
        yield f"{table.name}: a partition is granted directly; grant its parent"


def _of_comments(table: Table) -> Iterator[str]:
    if table.tag not in TAGS:
        yield f"{table.name}: its comment does not begin with one of {', '.join(f'[{tag}]' for tag in TAGS)}"
    for column in table.uncommented:
        yield f"{table.name}.{column}: has no comment"


def _of_policies(table: Table, *, owner: str) -> Iterator[str]:
    granted = set(table.granted())
    for role, command in sorted(granted):
        names = [policy.name for policy in table.policies if policy.permissive and policy.concerns(role, command)]
        if not names:
            yield f"{table.name}: {role} is granted {command} and no policy permits it"
        elif len(names) > 1:
            yield f"{table.name}: {command} by {role} has several permissive policies, ORed: {', '.join(names)}"
    for policy in table.policies:
        if "PUBLIC" in policy.roles and policy.permissive:
            yield f"{table.name}: policy {policy.name} is for everyone"
        if not policy.permissive or owner in policy.roles:
            continue
        if policy.command == "ALL":
            yield f"{table.name}: policy {policy.name} is for all commands; write one for each command granted"
        for role in sorted(policy.roles - {"PUBLIC"}):
            if policy.command != "ALL" and (role, policy.command) not in granted:
                yield f"{table.name}: policy {policy.name} permits {policy.command} to {role}, which is not granted it"


def _of_narrow_roles(table: Table, *, database: str, reviewed: set[tuple[str, str, str]]) -> Iterator[str]:
    for role, command in table.granted():
        short = role.removeprefix(f"{database}_")
        # The look-up role reads, for its functions, before a context exists. That is what it is for.
        known = (
            short == "runtime" or (short, command) == ("lookup", "SELECT") or table.is_bound(role, _CONTEXT["subject"])
        )
        if not known and (short, table.name, command) not in reviewed:
            yield f"{table.name}: {role} is granted {command} on tenants' rows and is not on the reviewed list"


def _of_tenancy(table: Table, *, runtime: str) -> Iterator[str]:
    names = _CONTEXT[table.tag]
    if not table.is_bound(runtime, names):
        context = " or ".join(names)
        yield f"{table.name}: no restrictive policy for all commands of {runtime} compares a column with {context}"
        return
    columns = table.tenant_columns
    if not columns:
        yield f"{table.name}: the restrictive policy is not of the form column = ANY ((SELECT context_…())::uuid[])"
    for name, first in table.keys:
        if first not in columns:
            yield f"{table.name}: key {name} begins with {first}, not with {' or '.join(sorted(columns))}"
