"""The processes that serve one feed, as their database knows them: which there are, and how far their clients are."""

from uuid import UUID

from libs.db.pool import Database

# What clients of a process may still count on ends a lease's time after its last read. A row outlives that by seconds,
# so that a step of the database's clock does not hide a process; one that was killed is waited for as long, in vain.
# Who has the same row locked deletes it, too.
_RENEW = """
WITH past AS (
    DELETE FROM feed_replica WHERE replica_id IN (
        SELECT replica_id FROM feed_replica
        WHERE expires_at < now() - interval '1 minute' AND replica_id <> $1
        FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO feed_replica (replica_id, known, expires_at)
VALUES ($1, pg_current_snapshot(), now() + interval '10 seconds')
ON CONFLICT (replica_id) DO UPDATE SET expires_at = excluded.expires_at
"""
# Two of them may overtake one another on their way.
_KNOW = """
UPDATE feed_replica SET known = $2::text::pg_snapshot
WHERE replica_id = $1 AND pg_snapshot_xmax(known) <= pg_snapshot_xmax($2::text::pg_snapshot)
"""
_FORGET = "UPDATE feed_replica SET known = '1:1:' WHERE replica_id = $1"
_LEAVE = "UPDATE feed_replica SET expires_at = least(expires_at, now() + interval '1 second') WHERE replica_id = $1"


class Replicas:
    """The place of one process among them, in the table feed_replica. Its methods raise DatabaseUnavailable."""

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
        await self._database.fetch(_KNOW, self.own, snapshot)

    async def forget(self) -> None:
        """Says that nothing is certain of the clients of this process."""
        await self._database.fetch(_FORGET, self.own)

    async def leave(self) -> None:
        """Says that this process reads no more: when its clients' leases are over nobody need wait for it."""
        await self._database.fetch(_LEAVE, self.own)
