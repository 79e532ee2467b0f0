"""Receipts of records."""

from datetime import datetime
from uuid import UUID

from libs.db.transaction import Transaction

_CLAIM = """
INSERT INTO record_receipt (workspace_id, event_id, digest, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_CLAIMED = "SELECT digest FROM record_receipt WHERE workspace_id = $1 AND event_id = $2"


class PostgresReceipts:
    def __init__(self, *, tx: Transaction) -> None:
        self._tx = tx

    async def claim(self, workspace: UUID, event_id: UUID, *, digest: bytes, now: datetime) -> bytes | None:
        if await self._tx.execute(_CLAIM, workspace, event_id, digest, now) == "INSERT 0 1":
            return None
        # Who claimed it has committed: the INSERT waited for that.
        claimed: bytes = await self._tx.fetchval(_CLAIMED, workspace, event_id)
        return claimed
