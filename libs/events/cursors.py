"""The cursor table: how far this consumer has come in each bucket of each source."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.position import BEFORE_ALL, Position

_LOCK = """
SELECT source, bucket, generation, next FROM cursor
WHERE (source, bucket) IN (SELECT * FROM unnest($1::text[], $2::smallint[]))
ORDER BY source, bucket FOR UPDATE
"""
_CREATE = """
INSERT INTO cursor (source, bucket) SELECT * FROM unnest($1::text[], $2::smallint[]) ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""
_MOVE = """
UPDATE cursor SET generation = move.generation, next = move.next
FROM unnest($1::text[], $2::smallint[], $3::integer[], $4::bigint[], $5::integer[], $6::bigint[])
    AS move (source, bucket, was_generation, was_next, generation, next)
WHERE cursor.source = move.source AND cursor.bucket = move.bucket
    AND cursor.generation = move.was_generation AND cursor.next = move.was_next
"""
_LIST = "SELECT bucket, generation, next FROM cursor WHERE source = $1 ORDER BY bucket"


class Stream(NamedTuple):
    """One bucket of one source: what numbers are dense in. Sorts in the order in which cursors are locked."""

    source: str
    bucket: int


class Move(NamedTuple):
    """A cursor's step."""

    stream: Stream
    was: Position
    now: Position


class CursorMoved(Exception):
    """Another consumer moved a cursor in between; nothing of this transaction may stand."""


async def lock_cursors(tx: Transaction, streams: Iterable[Stream]) -> dict[Stream, Position]:
    """The cursors of the streams, locked in key order until the transaction ends; absent ones are made."""
    wanted = sorted(set(streams))
    keys = [stream.source for stream in wanted], [stream.bucket for stream in wanted]
    rows = await tx.fetch(_LOCK, *keys)
    if len(rows) < len(wanted):
        await tx.execute(_CREATE, *keys)
        rows = await tx.fetch(_LOCK, *keys)
    return {Stream(row["source"], row["bucket"]): Position(row["generation"], row["next"]) for row in rows}


async def move_cursors(tx: Transaction, moves: Iterable[Move]) -> None:
    """Moves each cursor if it stands where it was found, in the transaction of what was done with the records.

    Raises CursorMoved.
    """
    moves = list(moves)
    if not moves:
        return
    status = await tx.execute(
        _MOVE,
        [move.stream.source for move in moves],
        [move.stream.bucket for move in moves],
        [move.was.generation for move in moves],
        [move.was.number for move in moves],
        [move.now.generation for move in moves],
        [move.now.number for move in moves],
    )
    if status != f"UPDATE {len(moves)}":
        raise CursorMoved("a cursor is not where it was")


class CursorReader:
    """This consumer's cursors, for whoever asks how far it has come."""

    def __init__(self, *, name: str, database: Database) -> None:
        """`name` is the consumer's, as relays know it."""
        self.name = name
        self._database = database

    async def list_cursors(self, source: str) -> Mapping[int, Position]:
        """The cursor of each bucket of `source`; buckets that have brought no event are absent. Raises
        DatabaseUnavailable."""
        async with self._database.transaction(Context()) as tx:
            rows = await tx.fetch(_LIST, source)
        cursors = {row["bucket"]: Position(row["generation"], row["next"]) for row in rows}
        return {bucket: position for bucket, position in cursors.items() if position != BEFORE_ALL}
