"""What identity holds about a person besides the subject, and its end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from libs.db.transaction import Transaction
from services.identity.domain.subject import KnownDevice

#: In the order that foreign keys ask for.
_REMOVED: Final = (
    "DELETE FROM address_claim WHERE subject_id = $1",
    "DELETE FROM address WHERE subject_id = $1",
    "DELETE FROM password WHERE subject_id = $1",
    "DELETE FROM device WHERE subject_id = $1",
    "DELETE FROM ticket WHERE subject_id = $1",
)
_EMPTY: Final = """
UPDATE subject SET epoch = epoch + 1, display_name = '', erased_at = $2 WHERE subject_id = $1 AND erased_at IS NULL
RETURNING epoch
"""


class PostgresSubjectData:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def devices(self, subject_id: UUID) -> Sequence[KnownDevice]:
        rows = await self._tx.fetch(
            "SELECT remembered_at, expires_at FROM device WHERE subject_id = $1 ORDER BY device_id", subject_id
        )
        return [KnownDevice(remembered_at=row["remembered_at"], expires_at=row["expires_at"]) for row in rows]

    async def password_changed_at(self, subject_id: UUID) -> datetime | None:
        changed_at: datetime | None = await self._tx.fetchval(
            "SELECT changed_at FROM password WHERE subject_id = $1", subject_id
        )
        return changed_at

    async def rename(self, subject_id: UUID, *, old: bytes, new: bytes) -> bool:
        status = await self._tx.execute(
            "UPDATE subject SET display_name = $3 WHERE subject_id = $1 AND display_name = $2 AND erased_at IS NULL",
            subject_id,
            old,
            new,
        )
        return status == "UPDATE 1"

    async def epoch(self, subject_id: UUID) -> int | None:
        epoch: int | None = await self._tx.fetchval("SELECT epoch FROM subject WHERE subject_id = $1", subject_id)
        return epoch

    async def empty(self, subject_id: UUID, *, now: datetime) -> int | None:
        epoch: int | None = await self._tx.fetchval(_EMPTY, subject_id, now)
        return epoch

    async def remove(self, subject_id: UUID) -> int:
        removed = 0
        for statement in _REMOVED:
            removed += int((await self._tx.execute(statement, subject_id)).removeprefix("DELETE "))
        return removed
