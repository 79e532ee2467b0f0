"""Subjects' epochs in PostgreSQL."""

from uuid import UUID

from libs.db.transaction import Transaction
from services.session.domain.errors import TicketInvalid

_KNOW = "INSERT INTO subject (subject_id, epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_CHECK = "SELECT epoch FROM subject WHERE subject_id = $1 FOR SHARE"
_RAISE = """
INSERT INTO subject (subject_id, epoch) VALUES ($1, $2)
ON CONFLICT (subject_id) DO UPDATE SET epoch = excluded.epoch, raised_at = now() WHERE subject.epoch < excluded.epoch
RETURNING epoch
"""


class PostgresSubjects:
    def __init__(self, *, tx: Transaction, subject: UUID) -> None:
        self._tx = tx
        self._subject = subject

    async def check(self, epoch: int) -> None:
        await self._tx.execute(_KNOW, self._subject, epoch)
        if await self._tx.fetchval(_CHECK, self._subject) > epoch:
            raise TicketInvalid

    async def raise_to(self, epoch: int) -> bool:
        return await self._tx.fetchval(_RAISE, self._subject, epoch) is not None
