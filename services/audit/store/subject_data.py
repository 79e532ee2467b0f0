"""Which logs name a person."""

from collections.abc import Sequence
from uuid import UUID

from libs.db.context import Context
from libs.db.pool import Database


class PostgresSubjectLogs:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def of(self, subject: UUID) -> Sequence[UUID]:
        async with self._database.transaction(Context(subjects=frozenset({subject}))) as tx:
            rows = await tx.fetch("SELECT found FROM logs_of_subject($1) AS found", subject)
        return [row["found"] for row in rows]
