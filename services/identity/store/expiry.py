"""Rows that are of no use any more. Runs under the role of the jobs, whose policies allow no other rows to go."""

from datetime import datetime
from typing import Final

from libs.db.context import Context
from libs.db.pool import Database

_STATEMENTS: Final = (
    "DELETE FROM ticket WHERE expires_at <= $1",
    "DELETE FROM registration WHERE expires_at <= $1",
    "DELETE FROM device WHERE expires_at <= $1",
    "DELETE FROM attempt WHERE last_at <= $1::timestamptz - interval '1 day'",
)


class PostgresExpiry:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def remove_expired(self, *, now: datetime) -> int:
        removed = 0
        for statement in _STATEMENTS:
            async with self._database.transaction(Context()) as tx:
                status = await tx.execute(statement, now)
            removed += int(status.removeprefix("DELETE "))
        return removed
