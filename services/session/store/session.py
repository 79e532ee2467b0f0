"""Sessions in PostgreSQL."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.crypto.reader_key import ReaderPublicKey
from libs.db.transaction import Transaction
from services.session.domain.errors import SessionExists
from services.session.domain.ports import Holder, LiveSession
from services.session.domain.session import EndReason, ListedSession, NewSession

_INSERT = """
INSERT INTO session (
    subject_id, session_id, subject_epoch, client_id, amr, acr, authenticated_at,
    audit_key_id, audit_key_version, audit_key, ip_address_sealed, user_agent_sealed, country, expires_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now() + $14::interval)
RETURNING created_at
"""
# NO KEY UPDATE: against its end and against another change of its grants; the foreign keys of grants do not mind.
_LOCK_LIVE = """
SELECT subject_epoch, amr, acr, authenticated_at
FROM session
WHERE subject_id = $1 AND session_id = $2 AND ended_at IS NULL AND expires_at > now()
FOR NO KEY UPDATE
"""
_HOLDER = """
SELECT g.audit_key_id, g.audit_key_version, g.audit_key, g.device_binding, s.subject_epoch
FROM session AS s JOIN session_grant AS g ON g.subject_id = s.subject_id AND g.session_id = s.session_id
WHERE s.subject_id = $1 AND s.session_id = $2 AND s.ended_at IS NULL AND s.expires_at > now()
AND g.workspace_id IS NOT DISTINCT FROM $3
ORDER BY g.grant_id DESC
LIMIT 1
"""
_LOCK = """
SELECT session_id, subject_epoch
FROM session
WHERE subject_id = $1 AND session_id = ANY ($2) AND ended_at IS NULL
ORDER BY session_id
FOR UPDATE
"""
_LOCK_ALL = """
SELECT session_id, subject_epoch FROM session WHERE subject_id = $1 AND ended_at IS NULL ORDER BY session_id FOR UPDATE
"""
_END = """
UPDATE session SET ended_at = now(), end_reason = $3 WHERE subject_id = $1 AND session_id = ANY ($2)
"""
_MOVE = "UPDATE session SET subject_epoch = $3 WHERE subject_id = $1 AND session_id = $2"
# Refreshes lock grants and read sessions after: once these locks are held none is under way, and the next sees the end.
_LOCK_GRANTS = """
SELECT FROM session_grant WHERE subject_id = $1 AND session_id = ANY ($2) ORDER BY grant_id FOR UPDATE
"""
# With a comparison in any case: a plan for all values then begins where the page does.
_AFTER_ALL = UUID(int=(1 << 128) - 1)
_PAGE = """
SELECT
    s.session_id, s.created_at, s.expires_at, s.audit_key_id, s.audit_key_version, s.audit_key, s.ip_address_sealed,
    s.user_agent_sealed, s.country, g.last_used_at, g.idle_expires_at, g.workspaces
FROM session AS s
CROSS JOIN LATERAL (
    SELECT
        max(rotated_at) AS last_used_at,
        max(least(rotated_at + make_interval(secs => idle_seconds), expires_at)) AS idle_expires_at,
        coalesce(array_agg(workspace_id ORDER BY workspace_id) FILTER (WHERE workspace_id IS NOT NULL), '{}')
            AS workspaces
    FROM session_grant
    WHERE subject_id = s.subject_id AND session_id = s.session_id AND ended_at IS NULL
) AS g
WHERE s.subject_id = $1 AND s.session_id < $2
AND s.ended_at IS NULL AND s.expires_at > now() AND g.idle_expires_at > now()
ORDER BY s.session_id DESC
LIMIT $3
"""


class PostgresSessions:
    def __init__(self, *, tx: Transaction, subject: UUID) -> None:
        self._tx = tx
        self._subject = subject

    async def add(self, session: NewSession) -> datetime:
        proved = session.authentication
        try:
            created_at: datetime = await self._tx.fetchval(
                _INSERT,
                self._subject,
                session.session,
                proved.subject_epoch,
                session.client_id,
                list(proved.amr),
                proved.acr,
                proved.authenticated_at,
                proved.audit_key.key_id,
                proved.audit_key.version,
                proved.audit_key.public,
                session.ip_address_sealed,
                session.user_agent_sealed,
                session.country,
                session.absolute,
            )
        except asyncpg.UniqueViolationError:
            raise SessionExists from None
        return created_at

    async def lock(self, session: UUID) -> LiveSession | None:
        row = await self._tx.fetchrow(_LOCK_LIVE, self._subject, session)
        if row is None:
            return None
        return LiveSession(
            subject_epoch=row["subject_epoch"],
            amr=tuple(row["amr"]),
            acr=row["acr"],
            authenticated_at=row["authenticated_at"],
        )

    async def holder(self, session: UUID, workspace: UUID | None) -> Holder | None:
        row = await self._tx.fetchrow(_HOLDER, self._subject, session, workspace)
        if row is None:
            return None
        return Holder(
            audit_key=audit_key_of(row), device_binding=row["device_binding"], subject_epoch=row["subject_epoch"]
        )

    async def end(self, sessions: Collection[UUID] | None, *, but: UUID | None, reason: EndReason) -> Sequence[UUID]:
        if sessions is None:
            rows = await self._tx.fetch(_LOCK_ALL, self._subject)
        else:
            rows = await self._tx.fetch(_LOCK, self._subject, list(sessions))
        return await self._end([row["session_id"] for row in rows if row["session_id"] != but], reason)

    async def end_below(self, epoch: int, *, keep: UUID | None, reason: EndReason) -> Sequence[UUID]:
        rows = await self._tx.fetch(_LOCK_ALL, self._subject)
        below = [row["session_id"] for row in rows if row["subject_epoch"] < epoch]
        if keep in below:
            await self._tx.execute(_MOVE, self._subject, keep, epoch)
        return await self._end([session for session in below if session != keep], reason)

    async def page(self, *, before: UUID | None, size: int) -> Sequence[ListedSession]:
        return [
            ListedSession(
                session=row["session_id"],
                created_at=row["created_at"],
                last_used_at=row["last_used_at"],
                idle_expires_at=row["idle_expires_at"],
                expires_at=row["expires_at"],
                ip_address_sealed=row["ip_address_sealed"],
                user_agent_sealed=row["user_agent_sealed"],
                reader_key=audit_key_of(row),
                country=row["country"],
                workspaces=tuple(row["workspaces"]),
            )
            for row in await self._tx.fetch(_PAGE, self._subject, before or _AFTER_ALL, size)
        ]

    async def _end(self, sessions: Sequence[UUID], reason: EndReason) -> Sequence[UUID]:
        if sessions:
            await self._tx.execute(_END, self._subject, sessions, reason)
            await self._tx.execute(_LOCK_GRANTS, self._subject, sessions)
        return sessions


def audit_key_of(row: asyncpg.Record) -> ReaderPublicKey:
    """The audit key in a row of a session or grant."""
    return ReaderPublicKey(key_id=row["audit_key_id"], version=row["audit_key_version"], public=row["audit_key"])
