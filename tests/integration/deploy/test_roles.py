"""The roles that deploy/postgres makes hold exactly the rights that its page says."""

import asyncpg
import pytest

from deploy.postgres.provision import LOGINS, on_database
from tests.support.postgres import ServiceDatabases


@pytest.mark.parametrize("role", ["runtime", "relay", "jobs"])
async def test_a_working_role_creates_nothing_and_bypasses_nothing(
    service_database: ServiceDatabases, role: str
) -> None:
    connection = await asyncpg.connect(service_database("identity", []).url(role))
    try:
        attributes = await connection.fetchrow(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication FROM pg_roles"
            " WHERE rolname = current_user"
        )
        assert attributes is not None
        assert not any(attributes)
        for statement in (
            "CREATE TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE TEMP TABLE mine (id int)",
            "SET ROLE identity_lookup",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("role", LOGINS["identity"])
async def test_a_role_may_enter_its_own_database_alone(service_database: ServiceDatabases, role: str) -> None:
    identity, tenancy = service_database("identity", []), service_database("tenancy", [])
    for database in (tenancy.name, "postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(on_database(identity.url(role), database))


async def test_the_look_up_role_owns_functions_and_cannot_log_in(service_database: ServiceDatabases) -> None:
    database = service_database("session", [])
    connection = await asyncpg.connect(database.owner)
    try:
        await connection.execute(
            "CREATE FUNCTION find() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = ''"
            " BEGIN ATOMIC SELECT 1; END"
        )
        await connection.execute("ALTER FUNCTION find() OWNER TO session_lookup")
        assert not await connection.fetchval("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'session_lookup'")
        assert not await connection.fetchval("SELECT has_function_privilege('session_runtime', 'find()', 'EXECUTE')")
    finally:
        await connection.close()


async def test_the_vault_has_three_roles_and_the_one_for_its_files_reads_no_key(
    service_database: ServiceDatabases,
) -> None:
    database = service_database("vault", [])
    connection = await asyncpg.connect(database.runtime)
    try:
        roles = await connection.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'vault%' AND rolcanlogin ORDER BY 1"
        )
        assert [role["rolname"] for role in roles] == ["vault_maintenance", "vault_owner", "vault_runtime"]
    finally:
        await connection.close()
    connection = await asyncpg.connect(service_database("vault").url("maintenance"))
    try:
        for statement in (
            "SELECT wrapped FROM data_key",
            "SELECT FROM workspace_key",
            "UPDATE data_key SET wrapped = NULL",
            "DELETE FROM destruction",
            "TRUNCATE data_key",
            "CREATE TABLE mine (id int)",
            "SET ROLE pg_checkpoint",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_two_databases_of_a_test_share_no_rows(service_database: ServiceDatabases) -> None:
    first, second = service_database("audit", []), service_database("audit", [])
    connection = await asyncpg.connect(first.owner)
    await connection.execute("CREATE TABLE only_here (id int)")
    await connection.close()
    connection = await asyncpg.connect(second.owner)
    try:
        assert await connection.fetchval("SELECT to_regclass('only_here')") is None
    finally:
        await connection.close()
