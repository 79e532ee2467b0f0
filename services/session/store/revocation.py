"""Revocations in PostgreSQL: written with what they report, read by the feed, deleted when no token can mind."""

from collections.abc import Callable, Collection
from uuid import UUID

from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.feed.reader import Batch
from libs.ids import Ids
from services.session.domain.revocation import Revocation

_INSERT_SESSIONS = """
INSERT INTO revocation (subject_id, revocation_id, session_id)
SELECT $1, * FROM unnest($2::uuid[], $3::uuid[])
"""
_INSERT_EPOCH = "INSERT INTO revocation (subject_id, revocation_id, epoch) VALUES ($1, $2, $3)"
# One statement, so rows, horizon and time are of one snapshot.
_READ = """
SELECT
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
    statement_timestamp() AS read_at,
    r.transaction_id::text::bigint AS transaction_id, r.subject_id, r.session_id, r.epoch, r.revoked_at
FROM (SELECT) AS once
LEFT JOIN revocation AS r ON r.transaction_id >= $1::bigint::text::xid8
"""


class PostgresRevocations:
    def __init__(self, *, tx: Transaction, subject: UUID, ids: Ids, on_change: Callable[[], None]) -> None:
        """`on_change` is called once the transaction has committed what it revokes."""
        self._tx = tx
        self._subject = subject
        self._ids = ids
        self._on_change = on_change

    async def revoke_sessions(self, sessions: Collection[UUID]) -> None:
        if sessions:
            await self._tx.execute(
                _INSERT_SESSIONS, self._subject, [self._ids.uuid7() for _ in sessions], list(sessions)
            )
            self._tx.after_commit(self._on_change)

    async def revoke_below(self, epoch: int) -> None:
        await self._tx.execute(_INSERT_EPOCH, self._subject, self._ids.uuid7(), epoch)
        self._tx.after_commit(self._on_change)


class RevocationSource:
    """The table, for the feed's reader. `database` connects as the jobs' role, which sees every subject's."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def read(self, since: int) -> Batch[Revocation]:
        rows = await self._database.fetch(_READ, since)
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
            horizon=rows[0]["horizon"],
            read_at=rows[0]["read_at"],
        )
