"""Checkpoints that were sent to the platform log."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.db.transaction import Transaction
from services.audit.domain.anchor import HeadAnchor

_CLAIM = """
UPDATE tree_head SET anchored = new.size FROM unnest($1::uuid[], $2::bigint[]) AS new (log_id, size)
WHERE tree_head.log_id = new.log_id AND anchored < new.size
RETURNING tree_head.log_id
"""
_ADD = """
INSERT INTO anchor (log_id, size, event_id, nonce, anchored_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_NEWEST = """
SELECT log_id, size, event_id, nonce FROM anchor WHERE log_id = $1 AND size <= $2
ORDER BY size DESC LIMIT $3
"""
_LARGEST = 2**63 - 1
_COVERING = """
SELECT log_id, size, event_id, nonce FROM anchor WHERE log_id = $1 AND size >= $2 ORDER BY size LIMIT $3
"""


class PostgresAnchors:
    def __init__(self, *, tx: Transaction) -> None:
        self._tx = tx

    async def claim(self, sizes: Mapping[UUID, int]) -> Collection[UUID]:
        rows = await self._tx.fetch(_CLAIM, list(sizes), list(sizes.values()))
        return [row["log_id"] for row in rows]

    async def add(self, anchor: HeadAnchor, *, anchored_at: datetime) -> bool:
        status = await self._tx.execute(_ADD, anchor.log, anchor.size, anchor.event_id, anchor.nonce, anchored_at)
        return status == "INSERT 0 1"

    async def newest(self, log: UUID, *, at_most: int, limit: int) -> Sequence[HeadAnchor]:
        return [_anchor(row) for row in await self._tx.fetch(_NEWEST, log, at_most or _LARGEST, limit)]

    async def covering(self, log: UUID, *, size: int, limit: int) -> Sequence[HeadAnchor]:
        return [_anchor(row) for row in await self._tx.fetch(_COVERING, log, size, limit)]


def _anchor(row: Any) -> HeadAnchor:
    return HeadAnchor(log=row["log_id"], size=row["size"], event_id=row["event_id"], nonce=row["nonce"])
