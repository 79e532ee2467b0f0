"""The feed of changed memberships, read under the jobs' role: across workspaces, and nothing else."""

from uuid import UUID

from libs.db.pool import Database
from libs.feed.reader import Batch
from libs.feed.snapshot import Snapshot
from services.tenancy.domain.membership import ChangedMembership

_READ = """
SELECT pg_current_snapshot()::text AS snapshot, now() AS read_at,
       ARRAY(SELECT known::text FROM feed_replica WHERE replica_id <> $2 AND expires_at > now()) AS others,
       c.workspace_id, c.subject_id, c.epoch, c.role, c.changed_in::text::bigint AS transaction
  FROM (SELECT) AS always
  LEFT JOIN membership_change AS c ON c.changed_in >= $1::text::xid8
"""


class PostgresMembershipSource:
    """Source of the feed. Lets DatabaseUnavailable through."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def read(self, since: int, *, replica: UUID) -> Batch[ChangedMembership]:
        found = await self._database.fetch(_READ, str(since), replica)
        rows = [
            ChangedMembership(row["workspace_id"], row["subject_id"], row["epoch"], row["role"], row["transaction"])
            for row in found
            if row["transaction"] is not None
        ]
        return Batch(
            rows=rows,
            snapshot=Snapshot.parse(found[0]["snapshot"]),
            others=[Snapshot.parse(each) for each in found[0]["others"]],
            read_at=found[0]["read_at"],
        )
