"""Revocations in PostgreSQL: written with what they report, read by the feed, deleted when no token can mind."""

from collections.abc import Collection
from uuid import UUID

from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.feed.announcement import Announcement, OwnFeed
from libs.feed.reader import Batch
from libs.feed.snapshot import Snapshot
from libs.ids import Ids
from services.session.domain.revocation import Revocation

_INSERT_SESSIONS = """
WITH told AS (
    INSERT INTO revocation (subject_id, revocation_id, session_id)
    SELECT $1, * FROM unnest($2::uuid[], $3::uuid[])
)
SELECT pg_current_xact_id()::text::bigint
"""
_INSERT_EPOCH = """
WITH told AS (INSERT INTO revocation (subject_id, revocation_id, epoch) VALUES ($1, $2, $3))
SELECT pg_current_xact_id()::text::bigint
"""
# One statement, so rows, horizon and time are of one snapshot.
_READ = """
SELECT
    pg_current_snapshot()::text AS snapshot,
    statement_timestamp() AS read_at,
    ARRAY(SELECT known::text FROM feed_replica WHERE replica_id <> $2 AND expires_at > now()) AS others,
    r.transaction_id::text::bigint AS transaction_id, r.subject_id, r.session_id, r.epoch, r.revoked_at
FROM (SELECT) AS once
LEFT JOIN revocation AS r ON r.transaction_id >= $1::bigint::text::xid8
"""


class PostgresRevocations:
    def __init__(self, *, tx: Transaction, subject: UUID, ids: Ids, feed: OwnFeed) -> None:
        """`feed` is this process's, which is told once the transaction has committed what it revokes."""
        self._tx = tx
        self._subject = subject
        self._ids = ids
        self._announcement = Announcement(tx=tx, feed=feed)

    async def revoke_sessions(self, sessions: Collection[UUID]) -> None:
        if sessions:
            await self._tell(_INSERT_SESSIONS, [self._ids.uuid7() for _ in sessions], list(sessions))

    async def revoke_below(self, epoch: int) -> None:
        await self._tell(_INSERT_EPOCH, self._ids.uuid7(), epoch)

    async def _tell(self, statement: str, *values: object) -> None:
        self._announcement.made(await self._tx.fetchval(statement, self._subject, *values))

    async def settled(self) -> None:
        await self._announcement.settled()


class PostgresRevocationSource:
    """The table, for the feed's reader. `database` connects as the jobs' role, which sees every subject's."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def read(self, since: int, *, replica: UUID) -> Batch[Revocation]:
        rows = await self._database.fetch(_READ, since, replica)
        return Batch(
            rows=[
                Revocation(
                    transaction=row["transaction_id"],
                    subject=row["subject_id"],
                    session=row["session_id"],
                    epoch=row["epoch"],
                    revoked_at=row["revoked_at"],
                )
                for row in rows
                if row["subject_id"] is not None
            ],
            snapshot=Snapshot.parse(rows[0]["snapshot"]),
            others=[Snapshot.parse(each) for each in rows[0]["others"]],
            read_at=rows[0]["read_at"],
        )
