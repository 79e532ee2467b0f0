"""The processes that serve one feed, as their database knows them: which there are, and how far their clients are."""

from uuid import UUID

from libs.db.pool import Database

# What clients of a process may still count on ends a lease's time after its last read. A row outlives that by seconds,
# so that one whose process was killed is waited for in vain no longer than these.
_RENEW = """
WITH past AS (DELETE FROM feed_replica WHERE expires_at < now() - interval '1 minute' AND replica_id <> $1)
INSERT INTO feed_replica (replica_id, known, expires_at)
VALUES ($1, pg_current_snapshot(), now() + interval '6 seconds')
ON CONFLICT (replica_id) DO UPDATE SET expires_at = excluded.expires_at
"""
_KNOWN = "UPDATE feed_replica SET known = $2::text::pg_snapshot WHERE replica_id = $1"
_BEHIND = """
SELECT EXISTS (
    SELECT FROM feed_replica
    WHERE replica_id <> $1 AND expires_at > now() AND NOT pg_visible_in_snapshot($2::text::xid8, known)
) AS behind
"""


class Replicas:
    """One process's view of all of them, over the table feed_replica. Its methods raise DatabaseUnavailable."""

    def __init__(self, *, database: Database, own: UUID) -> None:
        """`own` is the id of this process, new at each start; `database` connects as the role that reads the feed."""
        self._database = database
        self.own = own

    async def renew(self) -> None:
        """Says for some more seconds that this process serves the feed: before it reads anything that a lease of its
        clients may count on."""
        await self._database.fetch(_RENEW, self.own)

    async def know(self, snapshot: str) -> None:
        """Says that no client of this process counts on less than this snapshot any more."""
        await self._database.fetch(_KNOWN, self.own, snapshot)

    async def are_behind(self, transaction: int) -> bool:
        """Whether clients of another process may count on less than what this transaction has committed."""
        rows = await self._database.fetch(_BEHIND, self.own, str(transaction))
        return bool(rows[0]["behind"])
