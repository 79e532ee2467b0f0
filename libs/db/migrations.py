"""Brings a database's schema forward: plain SQL files, each applied once, in one transaction."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from libs.db.errors import translating

_log = logging.getLogger(__name__)

#: Runs at one time on one database are put in a row by this advisory lock ("wardenry" in ASCII).
_LOCK = int.from_bytes(b"wardenry", "big")

#: A migration that cannot get its lock soon gives up, and with it the queue that has formed behind it.
_LOCK_TIMEOUT = "5s"

_LEDGER = """
CREATE TABLE IF NOT EXISTS migration (
    name text PRIMARY KEY,
    checksum bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE migration IS '[platform] The schema files that were applied to this database; no tenant data';
COMMENT ON COLUMN migration.name IS 'Name of the file';
COMMENT ON COLUMN migration.checksum IS 'SHA-256 of the file as it was applied';
COMMENT ON COLUMN migration.applied_at IS 'Time of its transaction';
ALTER TABLE migration ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY migration_owner ON migration TO CURRENT_USER USING (true);
"""


class MigrationFailed(Exception):
    """A file could not be applied. The text is one line that names the file, and its line where that is known."""


class MigrationChanged(MigrationFailed):
    """A file that was applied before has other content now. Migrations go forward only: add a new file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A file that this run applied."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    path: Path
    sql: str
    checksum: bytes


async def migrate(url: str, directories: Sequence[Path], *, service: str) -> list[Applied]:
    """Applies the files (`*.sql`, by name) of each directory in turn which this database has not seen yet; a path may
    also be one file. `url` connects as the owner.

    In files outside `services/` the placeholder `{service}` stands for the service, as in `{service}_runtime`, so
    that one file serves every database. Files recorded in the database and absent here are newer than this code
    and are left alone. Raises MigrationChanged, MigrationFailed, DatabaseUnavailable, DatabaseRefused.
    """
    files = _files(directories, service=service)
    with translating():
        connection = await asyncpg.connect(
            url, timeout=10, server_settings={"application_name": f"{service} migrate", "search_path": "public"}
        )
    try:
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        await connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'; SET client_min_messages = warning")
        if await connection.fetchval("SELECT to_regclass('public.migration')") is None:
            async with connection.transaction():
                await connection.execute(_LEDGER)
        seen = {row["name"]: row["checksum"] for row in await connection.fetch("SELECT name, checksum FROM migration")}
        applied = []
        for file in files:
            if file.name not in seen:
                await _apply(connection, file)
                _log.info("%s: applied %s", service, file.name)
                applied.append(Applied(name=file.name))
            elif seen[file.name] != file.checksum:
                raise MigrationChanged(f"{file.path}: was applied with other content; add a new file instead")
        return applied
    finally:
        await connection.close(timeout=5)


def _files(directories: Sequence[Path], *, service: str) -> list[_File]:
    files: dict[str, _File] = {}
    for directory in directories:
        paths = [directory] if directory.is_file() else sorted(directory.glob("*.sql"))
        for path in paths:
            text = path.read_text(encoding="utf-8")
            if path.name in files:
                raise MigrationFailed(f"{path}: has the same name as {files[path.name].path}")
            files[path.name] = _File(
                name=path.name,
                path=path,
                # No other braces are touched: '{}' is PostgreSQL's empty array.
                sql=text.replace("{service}", service),
                checksum=hashlib.sha256(text.encode()).digest(),
            )
    return list(files.values())


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", file: _File) -> None:
    try:
        async with connection.transaction():
            await connection.execute(file.sql)
            await connection.execute("INSERT INTO migration (name, checksum) VALUES ($1, $2)", file.name, file.checksum)
    except asyncpg.PostgresError as error:
        position: str | None = getattr(error, "position", None)
        line = file.sql.count("\n", 0, int(position)) + 1 if position else None
        where = f"{file.path}:{line}" if line else str(file.path)
        raise MigrationFailed(f"{where}: {error}") from error
