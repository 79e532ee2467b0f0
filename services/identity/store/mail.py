"""Mail that waits."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from services.identity.domain.mail import OutgoingMail

#: A mail that was taken is due again after this: longer than a mail server needs to answer.
_RETRY: Final = timedelta(seconds=30)


class PostgresMails:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, mail: OutgoingMail, *, now: datetime) -> None:
        await self._tx.execute(
            """
            INSERT INTO outgoing_mail (mail_id, content, data_key_id, data_key_version, expires_at, next_attempt_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            mail.mail_id,
            mail.content,
            mail.data_key.key_id,
            mail.data_key.version,
            mail.expires_at,
            now,
        )


class PostgresMailQueue:
    """Under the role of the jobs."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def take(self, *, now: datetime, most: int) -> list[OutgoingMail]:
        async with self._database.transaction(Context()) as tx:
            await tx.execute("DELETE FROM outgoing_mail WHERE expires_at <= $1", now)
            rows = await tx.fetch(
                """
                WITH due AS (
                    SELECT mail_id FROM outgoing_mail
                    WHERE next_attempt_at <= $1
                    ORDER BY next_attempt_at
                    LIMIT $3
                    FOR UPDATE SKIP LOCKED
                )
                UPDATE outgoing_mail AS m
                SET attempts = m.attempts + 1, next_attempt_at = $1 + $2
                FROM due
                WHERE m.mail_id = due.mail_id
                RETURNING m.mail_id, m.content, m.data_key_id, m.data_key_version, m.expires_at
                """,
                now,
                _RETRY,
                most,
            )
        return [
            OutgoingMail(
                mail_id=row["mail_id"],
                content=row["content"],
                data_key=KeyReference(key_id=row["data_key_id"], version=row["data_key_version"]),
                expires_at=row["expires_at"],
            )
            for row in rows
        ]

    async def remove(self, mail_id: UUID) -> None:
        async with self._database.transaction(Context()) as tx:
            await tx.execute("DELETE FROM outgoing_mail WHERE mail_id = $1", mail_id)
