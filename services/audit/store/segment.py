"""What segments hold, and what none holds yet."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.db.transaction import Transaction
from libs.events.event import Role, SearchTags
from services.audit.domain.entry import SealedPerson
from services.audit.domain.segment import BEFORE_ALL, HeldLog, SegmentEntry, SegmentPart, Span

_ENQUEUE = """
INSERT INTO segment_part (recorded_from, recorded_until, logs, firsts, counts, size)
VALUES ($1, $1, $2::uuid[], $3::bigint[], $4::integer[], $5) RETURNING id
"""
_PENDING = """
SELECT id, recorded_from, recorded_until, logs, firsts, counts, size FROM segment_part
WHERE segment IS NULL ORDER BY id LIMIT $1
"""
_STILL_PENDING = """
SELECT id, recorded_from, recorded_until, logs, firsts, counts, size FROM segment_part
WHERE segment IS NULL AND id = ANY ($1::bigint[]) ORDER BY id
"""
#: One process at a time makes the chain longer.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('wardenry audit segment'))"
_LAST = "SELECT number, digest FROM segment ORDER BY number DESC LIMIT 1"
# Each span is read by itself, along the primary key. Of a plain join, where a few logs are long and many are short, the
# planner takes every log for a short one and reads all entries of a long one, each time.
_ENTRIES = """
SELECT entry.log_id, entry.index, entry.recorded_at, leaf, actor_key_id, actor_key_version, actor_message,
    target_key_id, target_key_version, target_message, network_tag, device_tag, address_tag, country
FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::timestamptz[], $5::timestamptz[]) WITH ORDINALITY
    AS span (log_id, first, count, recorded_from, recorded_until, place)
CROSS JOIN LATERAL (
    SELECT log_id, index, recorded_at, leaf FROM entry
     WHERE entry.log_id = span.log_id AND index >= first AND index < first + count
       AND recorded_at BETWEEN recorded_from AND recorded_until
     ORDER BY index OFFSET 0
) AS entry
LEFT JOIN LATERAL (
    SELECT actor_key_id, actor_key_version, actor_message, target_key_id, target_key_version, target_message,
        network_tag, device_tag, address_tag, country
      FROM entry_personal
     WHERE entry_personal.log_id = entry.log_id AND entry_personal.index = entry.index
       AND entry_personal.recorded_at = entry.recorded_at OFFSET 0
) AS beside ON true
ORDER BY place, entry.index
"""
# Within one time of record an index stands once, by the primary key: as many as there should be are all of them.
_WHOLE = """
SELECT part FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::integer[], $5::timestamptz[])
    AS span (part, log_id, first, count, recorded_at)
GROUP BY part HAVING bool_and(span.count = (
    SELECT count(*) FROM (
        SELECT FROM entry
         WHERE entry.log_id = span.log_id AND index >= first AND index < first + span.count
           AND entry.recorded_at = span.recorded_at
         ORDER BY index OFFSET 0
    ) AS found
))
"""
_ADD = "INSERT INTO segment (number, digest, entries, stored_at) VALUES ($1, $2, $3, $4)"
_HOLD = "UPDATE segment_part SET segment = $1 WHERE id = ANY ($2::bigint[]) AND segment IS NULL"
_HELD = """
SELECT log_id, first, count, damaged, recorded_from, recorded_until, size, held_at FROM segment_held
WHERE $1::uuid[] IS NULL OR log_id = ANY ($1) ORDER BY held_at, log_id
"""
_HOLD_BACK = """
INSERT INTO segment_held (log_id, first, count, damaged, recorded_from, recorded_until, size, held_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (log_id) DO UPDATE SET count = EXCLUDED.first + EXCLUDED.count - segment_held.first,
    recorded_from = LEAST(segment_held.recorded_from, EXCLUDED.recorded_from),
    recorded_until = GREATEST(segment_held.recorded_until, EXCLUDED.recorded_until),
    size = segment_held.size + EXCLUDED.size
"""
_KEEP = """
UPDATE segment_part SET logs = $2::uuid[], firsts = $3::bigint[], counts = $4::integer[]
WHERE id = $1 AND segment IS NULL
"""
_DROP = "DELETE FROM segment_part WHERE id = $1 AND segment IS NULL"
_WAITS = "SELECT EXISTS (SELECT FROM segment_part WHERE segment IS NULL AND $1 = ANY (logs))"
_LET_GO = "DELETE FROM segment_held WHERE log_id = $1 AND first = $2 AND count = $3"
_PUT_BACK = """
INSERT INTO segment_part (recorded_from, recorded_until, logs, firsts, counts, size)
SELECT $1, $2, ARRAY[$3::uuid], ARRAY[start], ARRAY[LEAST($6, $4 + $5 - start)::integer], $7
FROM generate_series($4::bigint, $4::bigint + $5::bigint - 1, $6::bigint) AS start ORDER BY start
"""
#: Of each role the columns of the key's id and version, and of the message.
_PERSONS: tuple[tuple[Role, str, str, str], ...] = (
    ("actor", "actor_key_id", "actor_key_version", "actor_message"),
    ("target", "target_key_id", "target_key_version", "target_message"),
)


class PostgresSegments:
    def __init__(self, *, tx: Transaction) -> None:
        self._tx = tx

    async def enqueue(self, spans: Sequence[Span], *, recorded_at: datetime, size: int) -> SegmentPart:
        number = await self._tx.fetchval(
            _ENQUEUE,
            recorded_at,
            [span.log for span in spans],
            [span.first for span in spans],
            [span.size for span in spans],
            size,
        )
        return SegmentPart(id=number, recorded_from=recorded_at, recorded_until=recorded_at, spans=spans, size=size)

    async def pending(self, *, limit: int) -> Sequence[SegmentPart]:
        return [_part(row) for row in await self._tx.fetch(_PENDING, limit)]

    async def lock(self) -> tuple[int, bytes]:
        await self._tx.execute(_LOCK)
        last = await self._tx.fetchrow(_LAST)
        return (last["number"] + 1, last["digest"]) if last else (0, BEFORE_ALL)

    async def still_pending(self, parts: Collection[int]) -> Sequence[SegmentPart]:
        return [_part(row) for row in await self._tx.fetch(_STILL_PENDING, list(parts))]

    async def entries(self, parts: Sequence[SegmentPart]) -> Sequence[SegmentEntry]:
        spans = [(part, span) for part in parts for span in part.spans]
        rows = await self._tx.fetch(
            _ENTRIES,
            [span.log for _, span in spans],
            [span.first for _, span in spans],
            [span.size for _, span in spans],
            [part.recorded_from for part, _ in spans],
            [part.recorded_until for part, _ in spans],
        )
        return [_entry(row) for row in rows]

    async def whole(self, parts: Sequence[SegmentPart]) -> Collection[int]:
        spans = [(part, span) for part in parts for span in part.spans]
        rows = await self._tx.fetch(
            _WHOLE,
            [part.id for part, _ in spans],
            [span.log for _, span in spans],
            [span.first for _, span in spans],
            [span.size for _, span in spans],
            [part.recorded_from for part, _ in spans],
        )
        return {row["part"] for row in rows}

    async def add(
        self, number: int, *, digest: bytes, entries: int, parts: Sequence[SegmentPart], stored_at: datetime
    ) -> None:
        await self._tx.execute(_ADD, number, digest, entries, stored_at)
        status = await self._tx.execute(_HOLD, number, [part.id for part in parts])
        if status != f"UPDATE {len(parts)}":
            raise RuntimeError("a part was put into another segment, under the lock of this one")

    async def held(self, logs: Collection[UUID] | None = None) -> Sequence[HeldLog]:
        rows = await self._tx.fetch(_HELD, None if logs is None else list(logs))
        return [
            HeldLog(
                span=Span(row["log_id"], row["first"], row["count"]),
                damaged=row["damaged"],
                recorded_from=row["recorded_from"],
                recorded_until=row["recorded_until"],
                size=row["size"],
                held_at=row["held_at"],
            )
            for row in rows
        ]

    async def hold(self, log: HeldLog) -> None:
        await self._tx.execute(
            _HOLD_BACK, *log.span, log.damaged, log.recorded_from, log.recorded_until, log.size, log.held_at
        )

    async def keep(self, part: int, spans: Sequence[Span]) -> None:
        if spans:
            await self._tx.execute(_KEEP, part, *map(list, zip(*spans, strict=True)))
        else:
            await self._tx.execute(_DROP, part)

    async def put_back(self, log: HeldLog, *, at_most: int) -> bool:
        if await self._tx.fetchval(_WAITS, log.span.log) or await self._tx.execute(_LET_GO, *log.span) != "DELETE 1":
            return False
        size = -(-log.size * at_most // log.span.size)
        await self._tx.execute(_PUT_BACK, log.recorded_from, log.recorded_until, *log.span, at_most, size)
        return True


def _part(row: Any) -> SegmentPart:
    return SegmentPart(
        id=row["id"],
        recorded_from=row["recorded_from"],
        recorded_until=row["recorded_until"],
        spans=[Span(*span) for span in zip(row["logs"], row["firsts"], row["counts"], strict=True)],
        size=row["size"],
    )


def _entry(row: Any) -> SegmentEntry:
    return SegmentEntry(
        log=row["log_id"],
        index=row["index"],
        recorded_at=row["recorded_at"],
        leaf=row["leaf"],
        sealed=tuple(
            [
                SealedPerson(role, row[key_id], row[version], row[message])
                for role, key_id, version, message in _PERSONS
                if row[message] is not None
            ]
        ),
        tags=SearchTags(
            network=row["network_tag"] or b"",
            device=row["device_tag"] or b"",
            address=row["address_tag"] or b"",
            country=row["country"] or "",
        ),
    )
