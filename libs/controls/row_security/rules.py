"""The rules of row security, and where a database breaks them."""

from collections.abc import Collection, Iterator, Sequence

import asyncpg

from libs.controls.examined import Finding
from libs.controls.row_security.reviewed import LOOKUP, OWNER, Grant
from libs.controls.row_security.table import COMMANDS, PUBLIC, TAGS, TENANT, Catalogue, Table

#: The functions, one of which a tenant table's restrictive policy compares with, by the table's tag.
CONTEXT = {"workspace": ("context_workspaces()",), "subject": ("context_subjects()", "context_workspaces()")}

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
#: Whoever may log in to work with the database; its owner logs in to change it. Who may ask for a checkpoint reaches no
#: row by that.
_ROLES = """
SELECT rolname AS name, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS powerful,
    EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid AND m.roleid <> 'pg_checkpoint'::regrole) AS member,
    EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) OR EXISTS (SELECT FROM pg_proc WHERE proowner = r.oid)
        OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = r.oid)
        OR EXISTS (SELECT FROM pg_type WHERE typowner = r.oid) AS owns,
    has_schema_privilege(r.oid, 'public', 'CREATE') AS creates
FROM pg_roles r WHERE rolcanlogin AND starts_with(rolname, $1 || '_') AND rolname <> $1 || '_owner'
"""
_ROLE_FAULTS = {
    "powerful": "has an attribute that reaches past policies",
    "member": "is a member of another role",
    "owns": "owns objects",
    "creates": "may create objects in public",
}


async def broken_rules(
    catalogue: Catalogue, tables: Sequence[Table], *, database: str, reviewed: Collection[Grant] = ()
) -> list[Finding]:
    """What breaks the rules. `tables` are those of `catalogue`; the names of its roles begin with `database`."""
    found = [finding for table in tables for finding in _of_table(table, database=database, reviewed=reviewed)]
    by_oid = {table.oid: table for table in tables}
    for row in await catalogue.fetch(_FOREIGN_KEYS):
        here, there = by_oid[row["oid"]], by_oid[row["target"]]
        begins = row["first"] in here.tenant_columns and row["target_first"] in there.tenant_columns
        if there.tag in (*TENANT, "claim") and not begins:
            what = f"foreign key {row['name']} crosses tenants: it does not begin with their column"
            found.append(Finding(here.name, what))
    for row in await catalogue.fetch(_FUNCTIONS):
        listed = Grant(role=OWNER, on=row["name"], command="EXECUTE") in reviewed
        found += [Finding(f"function {row['name']}", what) for what in _of_function(row, reviewed=listed)]
    for row in await catalogue.fetch(_ROLES, database):
        found += [Finding(f"role {row['name']}", what) for fault, what in _ROLE_FAULTS.items() if row[fault]]
    return found


def _of_function(row: asyncpg.Record, *, reviewed: bool) -> Iterator[str]:
    if not row["definer"]:
        return
    if not any(setting.startswith("search_path=") for setting in row["config"]):
        yield "is SECURITY DEFINER and does not pin search_path"
    if row["login"] and not reviewed:
        yield f"is SECURITY DEFINER and its owner {row['owner']} can log in"
    if row["everyone"]:
        yield "is SECURITY DEFINER and everyone may call it"


def _of_table(table: Table, *, database: str, reviewed: Collection[Grant]) -> Iterator[Finding]:
    if table.kind == "v":
        if not {"security_invoker=true", "security_invoker=on"} & set(table.options):
            yield Finding(f"view {table.name}", "is not security_invoker")
    elif not table.holds_rows:
        yield Finding(table.name, "materialized views and foreign tables have no row security")
    else:
        faults = [*_of_rights(table, database=database, reviewed=reviewed)]
        if not table.partition:
            faults += [*_of_tag(table), *_of_policies(table, owner=f"{database}_owner")]
            if table.tag in (*TENANT, "claim"):
                faults += _of_narrow_roles(table, database=database, reviewed=reviewed)
            if table.tag in TENANT:
                faults += _of_tenancy(table, runtime=f"{database}_runtime")
        yield from (Finding(table.name, fault) for fault in faults)


def _of_rights(table: Table, *, database: str, reviewed: Collection[Grant]) -> Iterator[str]:
    owner = f"{database}_owner"
    if not (table.enabled and table.forced):
        yield "row security is not enabled and forced"
    if table.owner != owner:
        yield f"is owned by {table.owner}, not by {owner}"
    for role, privilege in sorted(table.grants):
        if role == PUBLIC:
            yield f"everyone has {privilege}"
        elif privilege not in COMMANDS:
            short = role.removeprefix(f"{database}_")
            # Rewriting a table shows no row of it. TRUNCATE, REFERENCES and TRIGGER reach past the policies.
            if privilege != "MAINTAIN" or Grant(role=short, on=table.name, command=privilege) not in reviewed:
                yield f"{role} has {privilege}"
    if table.partition and table.grants:
        yield "a partition is granted directly; grant its parent"


def _of_tag(table: Table) -> Iterator[str]:
    if table.tag not in TAGS:
        yield f"its comment does not begin with one of {', '.join(f'[{tag}]' for tag in TAGS)}"


def _of_policies(table: Table, *, owner: str) -> Iterator[str]:
    granted = set(table.granted())
    for role, command in sorted(granted):
        names = [policy.name for policy in table.policies if policy.permissive and policy.concerns(role, command)]
        if not names:
            yield f"{role} is granted {command} and no policy permits it"
        elif len(names) > 1:
            yield f"{command} by {role} has several permissive policies, ORed: {', '.join(names)}"
    for policy in table.policies:
        if PUBLIC in policy.roles and policy.permissive:
            yield f"policy {policy.name} is for everyone"
        if not policy.permissive or owner in policy.roles:
            continue
        if policy.command == "ALL":
            yield f"policy {policy.name} is for all commands; write one for each command granted"
        for role in sorted(policy.roles - {PUBLIC}):
            if policy.command != "ALL" and (role, policy.command) not in granted:
                yield f"policy {policy.name} permits {policy.command} to {role}, which is not granted it"


def _of_narrow_roles(table: Table, *, database: str, reviewed: Collection[Grant]) -> Iterator[str]:
    for role, command in table.granted():
        short = role.removeprefix(f"{database}_")
        # The look-up role reads, for its functions, before a context exists. That is what it is for.
        known = short == "runtime" or (short, command) == (LOOKUP, "SELECT") or table.is_bound(role, CONTEXT["subject"])
        if not known and Grant(role=short, on=table.name, command=command) not in reviewed:
            yield f"{role} is granted {command} on tenants' rows and is not on the reviewed list"


def _of_tenancy(table: Table, *, runtime: str) -> Iterator[str]:
    names = CONTEXT[table.tag]
    if not table.is_bound(runtime, names):
        context = " or ".join(names)
        yield f"no restrictive policy for all commands of {runtime} compares a column with {context}, and that alone"
        return
    columns = table.tenant_columns
    for name, first in table.keys:
        if first not in columns:
            yield f"key {name} begins with {first}, not with {' or '.join(sorted(columns))}"
