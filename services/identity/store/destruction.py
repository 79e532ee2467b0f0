"""What destroyed keys leave in the files of the vault's cluster. Under its maintenance role, which reads no key."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import asyncpg

from libs.db.errors import translating
from services.identity.domain.destruction import Remains

#: What keys are in. Rewritten whole: plain VACUUM may leave the bytes of a dead row in its page until others need room.
_TABLES: Final = ("workspace_key", "data_key")
#: VACUUM's own words for dead rows that some transaction may still see, and that were therefore copied.
_NOTHING_DEAD: Final = "0 dead row versions cannot be removed yet."
#: The tables are closed while they are rewritten. Who waits for them must not be what everybody else waits for.
_SETTINGS: Final = {
    "application_name": "identity vault maintenance",
    "search_path": "public",
    "timezone": "UTC",
    "lock_timeout": "1s",
    "statement_timeout": "10min",
}
_REMAINING: Final = """
SELECT destruction_id, destroyed_at, rewritten_at IS NOT NULL AS rewritten FROM destruction
WHERE gone_at IS NULL ORDER BY destruction_id
"""
_REWRITTEN: Final = """
UPDATE destruction SET rewritten_at = $2, wal_end = pg_current_wal_insert_lsn()
WHERE destruction_id = ANY ($1) AND rewritten_at IS NULL
"""
# Names of WAL files are timeline and place, eight and sixteen digits. A file that is kept for reuse has the name of a
# later place and the content of an earlier one.
_GONE: Final = """
UPDATE destruction SET gone_at = $1
WHERE gone_at IS NULL AND rewritten_at IS NOT NULL AND current_setting('wal_recycle') = 'off'
    AND NOT EXISTS (
        SELECT FROM pg_ls_waldir() AS file
        WHERE file.name ~ '^[0-9A-F]{24}$' AND substr(file.name, 9) <= substr(pg_walfile_name(wal_end), 9)
    )
"""


class PostgresDestructions:
    """Connects for each call: they are rare."""

    def __init__(self, *, url: str) -> None:
        """`url` is the maintenance role's."""
        self._url = url

    async def remaining(self) -> Sequence[Remains]:
        async with self._connected() as connection:
            rows = await connection.fetch(_REMAINING)
        return [
            Remains(id=row["destruction_id"], destroyed_at=row["destroyed_at"], rewritten=row["rewritten"])
            for row in rows
        ]

    async def rewrite(self, destructions: Collection[int], *, at: datetime) -> bool:
        told: list[str] = []
        async with self._connected() as connection:
            connection.add_log_listener(lambda _, message: told.append(message.detail or ""))
            try:
                for table in _TABLES:
                    await connection.execute(f"VACUUM (FULL, VERBOSE) {table}")
            except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError):
                return False
            details = [line for detail in told for line in detail.splitlines() if "cannot be removed" in line]
            if details != [_NOTHING_DEAD] * len(_TABLES):
                return False
            await connection.execute(_REWRITTEN, list(destructions), at)
        return True

    async def end_wal(self, *, at: datetime) -> int:
        async with self._connected() as connection:
            try:
                await connection.execute("SELECT pg_switch_wal()")
                # WAL from before a checkpoint is needed for no recovery.
                await connection.execute("CHECKPOINT")
                status = await connection.execute(_GONE, at)
            except asyncpg.InsufficientPrivilegeError:
                # deploy/postgres/vault.sql could not grant it.
                return 0
        return int(status.removeprefix("UPDATE "))

    @asynccontextmanager
    async def _connected(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        with translating():
            connection = await asyncpg.connect(self._url, timeout=5.0, server_settings=_SETTINGS)
            try:
                yield connection
            finally:
                await connection.close(timeout=5.0)
