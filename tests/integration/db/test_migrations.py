"""Bringing a schema forward."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from libs.db.migrations import Applied, MigrationChanged, MigrationFailed, migrate
from libs.db.schemas import ROOT
from tests.support.postgres import ServiceDatabase, ServiceDatabases


@pytest.fixture
def made(service_database: ServiceDatabases) -> ServiceDatabase:
    """A database with nothing but the context functions."""
    return service_database("identity", [])


async def ask(made: ServiceDatabase, query: str) -> object:
    connection = await asyncpg.connect(made.administrator)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_files_are_applied_once_in_the_order_of_their_names(made: ServiceDatabase, tmp_path: Path) -> None:
    (tmp_path / "0002_b.sql").write_text("INSERT INTO a VALUES (2);")
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (n int); INSERT INTO a VALUES (1);")
    applied = await migrate(made.owner, [tmp_path], service="identity")
    assert applied == [Applied(name="0001_a.sql"), Applied(name="0002_b.sql")]
    assert await migrate(made.owner, [tmp_path], service="identity") == []
    (tmp_path / "0003_c.sql").write_text("INSERT INTO a VALUES (3);")
    assert await migrate(made.owner, [tmp_path], service="identity") == [Applied(name="0003_c.sql")]
    assert await ask(made, "SELECT array_agg(n ORDER BY n) FROM a") == [1, 2, 3]


async def test_the_service_stands_in_for_its_placeholder(made: ServiceDatabase, tmp_path: Path) -> None:
    (tmp_path / "grant.sql").write_text(
        "CREATE TABLE a (n int[] DEFAULT '{}'); GRANT SELECT ON a TO {service}_runtime;"
    )
    await migrate(made.owner, [tmp_path], service="identity")
    assert await ask(made, "SELECT has_table_privilege('identity_runtime', 'a', 'SELECT')")


async def test_a_changed_file_is_refused(made: ServiceDatabase, tmp_path: Path) -> None:
    file = tmp_path / "0001_a.sql"
    file.write_text("CREATE TABLE a (n int);")
    await migrate(made.owner, [tmp_path], service="identity")
    file.write_text("CREATE TABLE a (n bigint);")
    with pytest.raises(MigrationChanged, match=r"0001_a\.sql"):
        await migrate(made.owner, [tmp_path], service="identity")


async def test_a_file_that_fails_leaves_nothing_and_names_its_line(made: ServiceDatabase, tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (n int);\n\nCREATE TABEL b (n int);\n")
    with pytest.raises(MigrationFailed, match=r"0001_a\.sql:3: syntax error"):
        await migrate(made.owner, [tmp_path], service="identity")
    assert await ask(made, "SELECT to_regclass('a') IS NULL")
    assert await ask(made, "SELECT count(*) FROM migration WHERE name = '0001_a.sql'") == 0


async def test_two_files_of_one_name_are_refused(made: ServiceDatabase, tmp_path: Path) -> None:
    for directory in ("one", "two"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "0001_a.sql").touch()
    with pytest.raises(MigrationFailed, match="same name"):
        await migrate(made.owner, [tmp_path / "one", tmp_path / "two"], service="identity")


async def test_runs_at_once_wait_for_one_another(made: ServiceDatabase, tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (n int); SELECT pg_sleep(0.2);")
    runs = await asyncio.gather(*(migrate(made.owner, [tmp_path], service="identity") for _ in range(4)))
    assert sorted(len(applied) for applied in runs) == [0, 0, 0, 1]


async def test_code_that_is_older_than_the_schema_runs(made: ServiceDatabase, tmp_path: Path) -> None:
    file = tmp_path / "0002_newer.sql"
    file.write_text("CREATE TABLE a (n int);")
    await migrate(made.owner, [tmp_path], service="identity")
    file.unlink()
    assert await migrate(made.owner, [tmp_path], service="identity") == []


@pytest.mark.parametrize(
    ("environment", "code", "line"),
    [
        ({}, 78, "set WARDENRY_IDENTITY_OWNER_DATABASE_URL_FILE to the file"),
        ({"WARDENRY_IDENTITY_OWNER_DATABASE_URL_FILE": "/nowhere/url"}, 78, "No such file"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(environment: dict[str, str], code: int, line: str) -> None:
    ran = command(environment)
    assert ran.returncode == code
    assert line in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_the_command_says_that_the_database_is_down(tmp_path: Path) -> None:
    url = tmp_path / "url"
    url.write_text("postgresql://identity_owner@127.0.0.1:1/identity\n")
    ran = command({"WARDENRY_IDENTITY_OWNER_DATABASE_URL_FILE": str(url)})
    assert ran.returncode == 1
    assert "identity: the database is unavailable" in ran.stderr
    assert "Traceback" not in ran.stderr


def command(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WARDENRY_")}
    return subprocess.run(
        [sys.executable, "-m", "libs.db.migrate", "--service", "identity", "--wait", "0"],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
