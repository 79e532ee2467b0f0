"""What session holds about a person, and its end."""

from collections.abc import Sequence
from uuid import UUID

from libs.db.transaction import Transaction
from services.session.domain.session import HeldSession
from services.session.store.session import audit_key_of

_ALL = """
SELECT
    s.session_id, s.client_id, s.amr, s.acr, s.authenticated_at, s.audit_key_id, s.audit_key_version, s.audit_key,
    s.ip_address_sealed, s.user_agent_sealed, s.country, s.created_at, s.expires_at, s.ended_at, s.end_reason,
    g.last_used_at, g.workspaces
FROM session AS s
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN count(*) > 0 THEN greatest(date_trunc('minute', max(rotated_at)), s.created_at) END AS last_used_at,
        coalesce(array_agg(DISTINCT workspace_id) FILTER (WHERE workspace_id IS NOT NULL), '{}') AS workspaces
    FROM session_grant
    WHERE subject_id = s.subject_id AND session_id = s.session_id
) AS g
WHERE s.subject_id = $1
ORDER BY s.session_id
"""
# What has ended, as the policies say.
_DELETE_GRANTS = """
DELETE FROM session_grant USING session
WHERE session_grant.subject_id = $1 AND session.subject_id = $1 AND session.session_id = session_grant.session_id
AND session.ended_at IS NOT NULL
"""
_DELETE_SESSIONS = "DELETE FROM session WHERE subject_id = $1 AND ended_at IS NOT NULL"


class PostgresSubjectData:
    def __init__(self, *, tx: Transaction, subject: UUID) -> None:
        self._tx = tx
        self._subject = subject

    async def all(self) -> Sequence[HeldSession]:
        return [
            HeldSession(
                session=row["session_id"],
                client_id=row["client_id"],
                amr=tuple(row["amr"]),
                acr=row["acr"],
                authenticated_at=row["authenticated_at"],
                ip_address_sealed=row["ip_address_sealed"],
                user_agent_sealed=row["user_agent_sealed"],
                reader_key=audit_key_of(row),
                country=row["country"],
                created_at=row["created_at"],
                expires_at=row["expires_at"],
                ended_at=row["ended_at"],
                end_reason=row["end_reason"] or "",
                # To the minute, as everywhere; None for one without a grant.
                last_used_at=row["last_used_at"],
                workspaces=tuple(row["workspaces"]),
            )
            for row in await self._tx.fetch(_ALL, self._subject)
        ]

    async def remove_ended(self) -> int:
        removed = _count(await self._tx.execute(_DELETE_GRANTS, self._subject))
        return removed + _count(await self._tx.execute(_DELETE_SESSIONS, self._subject))


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
