"""Requests in PostgreSQL, one subject's at a time."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.crypto.key_owner import KeyReference
from libs.db.transaction import Transaction
from services.datarights.domain.errors import LeaseLost
from services.datarights.domain.request import Lease, Request

_COLUMNS = """subject_id, request_id, use, created_at, due_at, completed_at, key_id, key_version, archive_expires_at,
    archive_fetched_at"""
_ADD = """
INSERT INTO request (subject_id, request_id, use, created_at, due_at, next_attempt_at, key_id, key_version)
VALUES ($1, $2, $3, $4, $5, $4, $6, $7)
ON CONFLICT DO NOTHING
"""
_FIND = f"SELECT {_COLUMNS} FROM request WHERE subject_id = $1 AND request_id = $2"  # noqa: S608 - of constants alone
_PAGE = f"""
SELECT {_COLUMNS} FROM request
WHERE subject_id = $1 AND ($2::uuid IS NULL OR request_id < $2)
ORDER BY request_id DESC
LIMIT $3
"""  # noqa: S608 - of constants alone
_STEPS = "SELECT step FROM request_step WHERE subject_id = $1 AND request_id = $2"
_HELD = "subject_id = $1 AND request_id = $2 AND lease_id = $3 AND completed_at IS NULL"
_EXTEND = f"UPDATE request SET next_attempt_at = $4, attempts = 0 WHERE {_HELD}"  # noqa: S608 - of constants alone
_STEP = """
INSERT INTO request_step (subject_id, request_id, step, done_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_COMPLETE = f"""
UPDATE request SET completed_at = $4, next_attempt_at = NULL, archive_expires_at = $5 WHERE {_HELD}
"""  # noqa: S608 - of constants alone
_CLOSE = """
UPDATE request
SET completed_at = COALESCE(completed_at, $3),
    next_attempt_at = NULL,
    archive_fetched_at = CASE WHEN archive_expires_at IS NULL THEN NULL ELSE COALESCE(archive_fetched_at, $3) END
WHERE subject_id = $1 AND request_id <> $2
"""
_END_ARCHIVES = """
UPDATE request SET archive_expires_at = $3
WHERE subject_id = $1 AND request_id <> $2 AND archive_fetched_at IS NULL AND archive_expires_at > $3
"""
_SPEND = """
UPDATE request SET archive_fetched_at = $3
WHERE subject_id = $1 AND request_id = $2 AND archive_fetched_at IS NULL AND archive_expires_at > $3
"""
_GIVE_BACK = """
UPDATE request SET archive_fetched_at = NULL
WHERE subject_id = $1 AND request_id = $2 AND archive_fetched_at = $3 AND archive_removed_at IS NULL
"""


class PostgresRequests:
    def __init__(self, *, tx: Transaction, subject: UUID) -> None:
        self._tx = tx
        self._subject = subject

    async def add(self, request: Request) -> bool:
        stored = await self._tx.execute(
            _ADD,
            self._subject,
            request.id,
            request.right,
            request.created_at,
            request.due_at,
            request.key.key_id,
            request.key.version,
        )
        return stored == "INSERT 0 1"

    async def find(self, request: UUID) -> Request | None:
        row = await self._tx.fetchrow(_FIND, self._subject, request)
        return None if row is None else _request(row)

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Request]:
        return [_request(row) for row in await self._tx.fetch(_PAGE, self._subject, before, limit)]

    async def steps(self, request: UUID) -> Collection[str]:
        return {row["step"] for row in await self._tx.fetch(_STEPS, self._subject, request)}

    async def step(self, lease: Lease, step: str, *, at: datetime, until: datetime) -> None:
        await self._held(_EXTEND, lease, until)
        await self._tx.execute(_STEP, self._subject, lease.request, step, at)

    async def complete(self, lease: Lease, *, at: datetime, archive_expires_at: datetime | None) -> None:
        await self._held(_COMPLETE, lease, at, archive_expires_at)

    async def end_other_archives(self, lease: Lease, *, at: datetime) -> None:
        await self._tx.execute(_END_ARCHIVES, self._subject, lease.request, at)

    async def close_others(self, lease: Lease, *, at: datetime) -> None:
        await self._tx.execute(_CLOSE, self._subject, lease.request, at)

    async def spend_archive(self, request: UUID, *, at: datetime) -> bool:
        return await self._tx.execute(_SPEND, self._subject, request, at) == "UPDATE 1"

    async def give_archive_back(self, request: UUID, *, spent_at: datetime) -> None:
        await self._tx.execute(_GIVE_BACK, self._subject, request, spent_at)

    async def _held(self, statement: str, lease: Lease, *values: datetime | None) -> None:
        if await self._tx.execute(statement, self._subject, lease.request, lease.id, *values) != "UPDATE 1":
            raise LeaseLost


def _request(row: asyncpg.Record) -> Request:
    return Request(
        subject=row["subject_id"],
        id=row["request_id"],
        right=row["use"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        completed_at=row["completed_at"],
        key=KeyReference(key_id=row["key_id"], version=row["key_version"]),
        archive_expires_at=row["archive_expires_at"],
        archive_fetched_at=row["archive_fetched_at"],
    )
