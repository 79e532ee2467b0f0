"""What is to be done, under the jobs' role: across subjects, and nothing but its columns."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.db.pool import Database
from services.datarights.domain.request import Lease

_TAKE = """
WITH due AS (
    SELECT subject_id, request_id FROM request
    WHERE next_attempt_at <= $1
    ORDER BY next_attempt_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE request AS r
SET next_attempt_at = $2, lease_id = $3, attempts = r.attempts + 1
FROM due
WHERE r.subject_id = due.subject_id AND r.request_id = due.request_id
RETURNING r.subject_id, r.request_id, r.attempts, r.due_at
"""
_HOLD = """
UPDATE request SET next_attempt_at = $4
WHERE subject_id = $1 AND request_id = $2 AND lease_id = $3 AND next_attempt_at IS NOT NULL
"""
_GIVE_UP = """
UPDATE request SET next_attempt_at = $4, lease_id = NULL
WHERE subject_id = $1 AND request_id = $2 AND lease_id = $3 AND next_attempt_at IS NOT NULL
"""
_OVER = """
SELECT subject_id, request_id FROM request
WHERE archive_expires_at IS NOT NULL AND archive_removed_at IS NULL
AND (archive_fetched_at <= $1 OR archive_expires_at <= $2)
AND ($3::uuid IS NULL OR (subject_id, request_id) > ($3, $4::uuid))
ORDER BY subject_id, request_id
LIMIT $5
"""
_REMOVED = "UPDATE request SET archive_removed_at = $3 WHERE subject_id = $1 AND request_id = $2"


class PostgresBacklog:
    """Each statement is a transaction of its own."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def take(self, *, lease: UUID, now: datetime, until: datetime) -> Lease | None:
        rows = await self._database.fetch(_TAKE, now, until, lease)
        if not rows:
            return None
        (row,) = rows
        return Lease(
            subject=row["subject_id"],
            request=row["request_id"],
            id=lease,
            attempt=row["attempts"],
            due_at=row["due_at"],
        )

    async def extend(self, lease: Lease, *, until: datetime) -> None:
        await self._database.fetch(_HOLD, lease.subject, lease.request, lease.id, until)

    async def postpone(self, lease: Lease, *, until: datetime) -> None:
        await self._database.fetch(_GIVE_UP, lease.subject, lease.request, lease.id, until)

    async def archives_over(
        self, *, fetched_before: datetime, expired_before: datetime, after: tuple[UUID, UUID] | None, limit: int
    ) -> Sequence[tuple[UUID, UUID]]:
        subject, request = after or (None, None)
        rows = await self._database.fetch(_OVER, fetched_before, expired_before, subject, request, limit)
        return [(row["subject_id"], row["request_id"]) for row in rows]

    async def archive_removed(self, subject: UUID, request: UUID, *, at: datetime) -> None:
        await self._database.fetch(_REMOVED, subject, request, at)
