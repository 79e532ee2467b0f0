"""What people authorized, in PostgreSQL."""

from datetime import timedelta
from uuid import UUID

from libs.db.transaction import Transaction
from services.session.domain.warrant import Authorization

_ADD = "INSERT INTO warrant (subject_id, request_id, use) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_FIND = "SELECT use FROM warrant WHERE subject_id = $1 AND request_id = $2 AND authorized_at > now() - $3::interval"
_REMOVE = "DELETE FROM warrant WHERE subject_id = $1 AND request_id = $2"


class PostgresWarrants:
    def __init__(self, *, tx: Transaction, subject: UUID) -> None:
        self._tx = tx
        self._subject = subject

    async def add(self, authorization: Authorization) -> None:
        await self._tx.execute(_ADD, self._subject, authorization.request, authorization.right)

    async def find(self, request: UUID, *, within: timedelta) -> Authorization | None:
        right = await self._tx.fetchval(_FIND, self._subject, request, within)
        return None if right is None else Authorization(subject=self._subject, request=request, right=right)

    async def remove(self, request: UUID) -> None:
        await self._tx.execute(_REMOVE, self._subject, request)
