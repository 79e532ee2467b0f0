"""How much is still on its way out: what no relay has numbered, and what a consumer has not taken in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.db.context import Context
from libs.db.pool import Database
from libs.events.position import BEFORE_ALL, Position
from libs.outbox.bucket import BUCKETS

#: Rows without a number are counted up to here: whoever asks shall not cost the outbox its disk.
MOST_COUNTED = 1_000_000

_UNNUMBERED = "SELECT count(*) FROM (SELECT FROM outbox WHERE number IS NULL LIMIT $1) AS counted"
_OLDEST_UNNUMBERED = """
SELECT min(first.occurred_at) FROM outbox_head CROSS JOIN LATERAL (
    SELECT occurred_at FROM outbox WHERE outbox.bucket = outbox_head.bucket AND number IS NULL ORDER BY id LIMIT 1
) AS first
"""

# Numbers are dense, so nothing of a bucket is counted: what is missing lies between the cursor and the head. A consumer
# of an earlier generation gets all of the present one.
_WAITING = """
SELECT
    COALESCE(sum(CASE
        WHEN wanted.generation = head.generation THEN GREATEST(head.next - wanted.next, 0)
        WHEN wanted.generation < head.generation THEN head.next
        ELSE 0
    END), 0)::bigint AS events,
    COALESCE(bool_or((wanted.generation, wanted.next) > (head.generation, head.next)), false) AS ahead,
    min(first.occurred_at) AS oldest_at
FROM outbox_head AS head
JOIN unnest($1::smallint[], $2::integer[], $3::bigint[]) AS wanted (bucket, generation, next)
    ON wanted.bucket = head.bucket
LEFT JOIN LATERAL (
    SELECT occurred_at FROM outbox
    WHERE outbox.bucket = head.bucket AND number IS NOT NULL
        AND (outbox.generation, number) >= (wanted.generation, wanted.next)
    ORDER BY outbox.generation, number LIMIT 1
) AS first ON true
"""
_BUCKETS = range(BUCKETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnumbered:
    """Committed events that the relay has not numbered yet."""

    #: MOST_COUNTED at most.
    events: int
    #: When the oldest happened; None where there is none.
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What one consumer has not taken in."""

    consumer: str
    #: Those without a number are among them; None where the consumer did not say how far it has come.
    events: int | None = None
    #: When the oldest happened; None where there is none, or none is kept any more.
    oldest_at: datetime | None = None
    #: Whether it has taken in numbers that this database has not given: one of the two was restored.
    ahead: bool = False


class OutboxReader:
    """One source's outbox, for whoever asks how much waits in it."""

    def __init__(self, *, database: Database) -> None:
        """`database` connects as the relay's role: no other may read an outbox."""
        self._database = database

    async def look(self, cursors: Mapping[str, Mapping[int, Position] | None]) -> tuple[Unnumbered, Sequence[Backlog]]:
        """What waits now, at the relay and at each consumer, by name. `cursors` are what the consumers expect next in
        each bucket, read before; None for one that did not say. Raises DatabaseUnavailable."""
        async with self._database.transaction(Context()) as tx:
            unnumbered = Unnumbered(
                events=await tx.fetchval(_UNNUMBERED, MOST_COUNTED), oldest_at=await tx.fetchval(_OLDEST_UNNUMBERED)
            )
            backlogs = []
            for consumer, positions in sorted(cursors.items()):
                if positions is None:
                    backlogs.append(Backlog(consumer=consumer))
                    continue
                wanted = [positions.get(bucket, BEFORE_ALL) for bucket in _BUCKETS]
                (row,) = await tx.fetch(
                    _WAITING, list(_BUCKETS), [each.generation for each in wanted], [each.number for each in wanted]
                )
                oldest = [each for each in (row["oldest_at"], unnumbered.oldest_at) if each is not None]
                backlogs.append(
                    Backlog(
                        consumer=consumer,
                        events=row["events"] + unnumbered.events,
                        oldest_at=min(oldest, default=None),
                        ahead=row["ahead"],
                    )
                )
        return unnumbered, backlogs
