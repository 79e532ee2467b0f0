"""Forgetting what is over, across subjects, under the jobs' role, in small transactions."""

from datetime import timedelta

from libs.db.context import Context
from libs.db.pool import Database

_REVOCATIONS = "DELETE FROM revocation WHERE revoked_at < now() - $1::interval"
_SESSIONS = """
SELECT subject_id, session_id FROM session WHERE least(expires_at, ended_at) < now() - interval '1 day' LIMIT 500
"""
_DELETE_GRANTS = """
DELETE FROM session_grant USING unnest($1::uuid[], $2::uuid[]) AS over (subject_id, session_id)
WHERE session_grant.subject_id = over.subject_id AND session_grant.session_id = over.session_id
"""
_DELETE_SESSIONS = """
DELETE FROM session USING unnest($1::uuid[], $2::uuid[]) AS over (subject_id, session_id)
WHERE session.subject_id = over.subject_id AND session.session_id = over.session_id
"""
# How old is old enough is said by the policy of this role.
_WARRANTS = "DELETE FROM warrant WHERE authorized_at < now()"


class PostgresPast:
    def __init__(self, *, database: Database) -> None:
        """`database` connects as the jobs' role."""
        self._database = database

    async def forget_revocations(self, *, older_seconds: float) -> int:
        async with self._database.transaction(Context()) as tx:
            return _count(await tx.execute(_REVOCATIONS, timedelta(seconds=older_seconds)))

    async def forget_sessions(self) -> int:
        async with self._database.transaction(Context()) as tx:
            rows = await tx.fetch(_SESSIONS)
            keys = [row["subject_id"] for row in rows], [row["session_id"] for row in rows]
            await tx.execute(_DELETE_GRANTS, *keys)
            return _count(await tx.execute(_DELETE_SESSIONS, *keys))

    async def forget_warrants(self) -> None:
        async with self._database.transaction(Context()) as tx:
            await tx.execute(_WARRANTS)


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
