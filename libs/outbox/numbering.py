"""Giving committed rows their numbers, and reading numbered rows."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import asyncpg

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.position import Position
from libs.events.record import Record

_ANY = "SELECT EXISTS (SELECT FROM outbox WHERE number IS NULL)"

# The head's row is the lock under which a bucket's numbers are given. A bucket that another relay is numbering at this
# moment is left to it.
_LOCK = """
SELECT bucket FROM outbox_head
WHERE EXISTS (SELECT FROM outbox WHERE outbox.bucket = outbox_head.bucket AND number IS NULL)
ORDER BY bucket FOR UPDATE SKIP LOCKED
"""

# A statement of its own, so that its snapshot is taken after the lock was got: it sees the rows that the relay before
# numbered, as numbered, and every row that has committed since. A transaction that commits later gets later numbers,
# whatever ids its rows have.
_NUMBER = """
WITH unnumbered AS (
    SELECT found.id, head.generation, head.next - 1 + row_number() OVER (PARTITION BY head.bucket ORDER BY found.id)
        AS number
    FROM outbox_head AS head
    CROSS JOIN LATERAL (
        SELECT id FROM outbox WHERE outbox.bucket = head.bucket AND number IS NULL ORDER BY id LIMIT $2
    ) AS found
    WHERE head.bucket = ANY ($1::smallint[])
), numbered AS (
    UPDATE outbox SET generation = unnumbered.generation, number = unnumbered.number
    FROM unnumbered WHERE outbox.id = unnumbered.id
    RETURNING outbox.*
), moved AS (
    UPDATE outbox_head SET next = latest.next
    FROM (SELECT bucket, max(number) + 1 AS next FROM numbered GROUP BY bucket) AS latest
    WHERE outbox_head.bucket = latest.bucket
)
SELECT event_id, log, bucket, action, occurred_at, traceparent, envelope, generation, number
FROM numbered ORDER BY bucket, number
"""

_HEADS = "SELECT bucket, generation, next FROM outbox_head"

_FROM = """
SELECT event_id, log, found.bucket, action, occurred_at, traceparent, envelope, found.generation, number
FROM unnest($1::smallint[], $2::integer[], $3::bigint[]) AS wanted (bucket, generation, next)
CROSS JOIN LATERAL (
    SELECT *, sum(octet_length(envelope)) OVER (ORDER BY outbox.generation, outbox.number) AS size
    FROM outbox
    WHERE outbox.bucket = wanted.bucket AND number IS NOT NULL
        AND (outbox.generation, outbox.number) >= (wanted.generation, wanted.next)
    ORDER BY outbox.generation, outbox.number LIMIT $4
) AS found
-- The first row of a bucket is always among them, however large, so that there is progress.
WHERE size - octet_length(envelope) < $5
ORDER BY found.bucket, found.generation, number
"""

_DELETE = """
WITH oldest AS (
    SELECT found.id
    FROM unnest($1::smallint[], $2::integer[], $3::bigint[]) AS least (bucket, generation, next)
    CROSS JOIN LATERAL (
        SELECT id, outbox.generation, number, occurred_at FROM outbox
        WHERE outbox.bucket = least.bucket AND number IS NOT NULL
        ORDER BY outbox.generation, number LIMIT $5
    ) AS found
    WHERE (found.generation, found.number) < (least.generation, least.next)
        -- Rows of a clock that was ahead would stand before all others, and keep them, until their time has come.
        AND (found.occurred_at < $4 OR found.occurred_at > $6)
)
DELETE FROM outbox USING oldest WHERE outbox.id = oldest.id RETURNING 1
"""

# Numbers are given up first, so that the relay finds every row again as an unnumbered one.
_NEW_GENERATION = """
UPDATE outbox SET generation = NULL, number = NULL WHERE number IS NOT NULL;
UPDATE outbox_head SET generation = generation + 1, next = 0
"""


class Numbering:
    """The outbox of one source, as its relay sees it. Each method raises DatabaseUnavailable."""

    def __init__(self, *, source: str, database: Database) -> None:
        """`database` connects as the relay's role."""
        self._source = source
        self._database = database

    async def number(self, *, limit: int) -> list[Record]:
        """Numbers about `limit` of the committed rows that have no number, and commits. Returns them in order."""
        if not (await self._database.fetch(_ANY))[0][0]:
            return []
        async with self._database.transaction(Context()) as tx:
            buckets = [row["bucket"] for row in await tx.fetch(_LOCK)]
            if not buckets:
                return []
            rows = await tx.fetch(_NUMBER, buckets, max(1, limit // len(buckets)))
        return [self._record(row) for row in rows]

    async def heads(self) -> dict[int, Position]:
        """The next number of each bucket."""
        rows = await self._database.fetch(_HEADS)
        return {row["bucket"]: Position(row["generation"], row["next"]) for row in rows}

    async def numbered_from(
        self, positions: Mapping[int, Position], *, limit: int, size: int = 1 << 20
    ) -> list[Record]:
        """The numbered rows of each bucket from its position on, in order: at most `limit` of each, and no further one
        once their envelopes have `size` bytes."""
        rows = await self._database.fetch(_FROM, *_columns(positions), limit, size)
        return [self._record(row) for row in rows]

    async def delete_below(
        self, positions: Mapping[int, Position], *, before: datetime, misdated: datetime, limit: int
    ) -> int:
        """Deletes at most `limit` rows of each bucket, the oldest first, that are below its position and happened
        `before`, or later than `misdated`, which no right clock has said yet. Returns how many."""
        rows = await self._database.fetch(_DELETE, *_columns(positions), before, limit, misdated)
        return len(rows)

    def _record(self, row: asyncpg.Record) -> Record:
        return Record(
            source=self._source,
            position=Position(row["generation"], row["number"]),
            bucket=row["bucket"],
            event_id=row["event_id"],
            log=row["log"],
            action=row["action"],
            occurred_at=row["occurred_at"],
            envelope=row["envelope"],
            traceparent=row["traceparent"],
        )


async def begin_generation(tx: Transaction) -> None:
    """Begins a new generation of event numbers, as the relay's role, before a restored database is used: what its
    outbox still holds is numbered again from 0 and sent again. Consumers tell what they have by its event id."""
    await tx.execute(_NEW_GENERATION)


def _columns(positions: Mapping[int, Position]) -> tuple[Iterable[int], Iterable[int], Iterable[int]]:
    items = sorted(positions.items())
    return (
        [bucket for bucket, _ in items],
        [position.generation for _, position in items],
        [position.number for _, position in items],
    )
