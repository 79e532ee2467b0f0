"""Trees and their checkpoints."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.db.transaction import Transaction
from libs.merkle.frontier import TILE_BITS, TILE_WIDTH, Frontier, HashRun
from libs.merkle.proofs import Tile, assemble
from services.audit.domain.errors import TreeMoved
from services.audit.domain.log import SignedCheckpoint, TreeHead
from wardenry.log.tree import EMPTY_ROOT

_LOCK = "SELECT log_id, size, frontier FROM tree_head WHERE log_id = ANY ($1::uuid[]) ORDER BY log_id FOR UPDATE"
_CREATE = """
INSERT INTO tree_head (log_id, size, root, frontier)
SELECT log_id, 0, $2, '' FROM unnest($1::uuid[]) AS new (log_id) ORDER BY log_id
ON CONFLICT DO NOTHING
"""
_GROW = """
UPDATE tree_head SET size = grown.size, root = grown.root, frontier = grown.frontier
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])
    AS grown (log_id, was, size, root, frontier)
WHERE tree_head.log_id = grown.log_id AND tree_head.size = grown.was
"""
_STORE = """
INSERT INTO hash_run (log_id, level, first, hashes)
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::bytea[])
"""
_HEADS = "SELECT log_id, size, root FROM tree_head WHERE log_id = ANY ($1::uuid[])"
# What waits is read once, not once for each log: after an outage of the object store it is much.
_RELEASABLE = """
SELECT log_id, size, root FROM tree_head WHERE log_id = ANY ($1::uuid[])
    AND log_id NOT IN (SELECT unnest(logs) FROM segment_part WHERE segment IS NULL)
    AND log_id NOT IN (SELECT log_id FROM segment_held)
"""
_TILES = """
SELECT run.level, run.first, run.hashes FROM unnest($2::smallint[], $3::bigint[]) AS wanted (level, first_of_tile)
CROSS JOIN LATERAL (
    SELECT level, first, hashes FROM hash_run
     WHERE log_id = $1 AND hash_run.level = wanted.level AND first >= first_of_tile AND first < first_of_tile + $4
     ORDER BY first OFFSET 0
) AS run
"""
_NEWEST = """
SELECT newest.log_id, newest.size, newest.note, newest.signed_at FROM unnest($1::uuid[]) AS wanted (log_id)
CROSS JOIN LATERAL (
    SELECT log_id, size, note, signed_at FROM checkpoint
     WHERE checkpoint.log_id = wanted.log_id ORDER BY size DESC LIMIT 1
) AS newest
"""
_OF_SIZE = "SELECT log_id, size, note, signed_at FROM checkpoint WHERE log_id = $1 AND size = $2"
_ADD = """
INSERT INTO checkpoint (log_id, size, note, signed_at)
SELECT log_id, size, note, $1 FROM unnest($2::uuid[], $3::bigint[], $4::text[]) AS new (log_id, size, note)
ORDER BY log_id
ON CONFLICT DO NOTHING
"""


class PostgresTrees:
    def __init__(self, *, tx: Transaction) -> None:
        self._tx = tx

    async def lock(self, logs: Collection[UUID]) -> Mapping[UUID, Frontier]:
        wanted = sorted(logs)
        rows = await self._tx.fetch(_LOCK, wanted)
        if len(rows) < len(wanted):
            await self._tx.execute(_CREATE, wanted, EMPTY_ROOT)
            rows = await self._tx.fetch(_LOCK, wanted)
        return {row["log_id"]: Frontier.from_bytes(size=row["size"], hashes=row["frontier"]) for row in rows}

    async def grow(self, changes: Mapping[UUID, tuple[Frontier, Frontier]]) -> None:
        status = await self._tx.execute(
            _GROW,
            list(changes),
            [was.size for was, _ in changes.values()],
            [now.size for _, now in changes.values()],
            [now.root() for _, now in changes.values()],
            [now.to_bytes() for _, now in changes.values()],
        )
        if status != f"UPDATE {len(changes)}":
            raise TreeMoved

    async def store(self, runs: Sequence[tuple[UUID, HashRun]]) -> None:
        await self._tx.execute(
            _STORE,
            [log for log, _ in runs],
            [run.level for _, run in runs],
            [run.first for _, run in runs],
            [run.hashes for _, run in runs],
        )

    async def heads(self, logs: Collection[UUID]) -> Sequence[TreeHead]:
        return await self._heads(_HEADS, logs)

    async def releasable(self, logs: Collection[UUID]) -> Sequence[TreeHead]:
        return await self._heads(_RELEASABLE, logs)

    async def _heads(self, query: str, logs: Collection[UUID]) -> Sequence[TreeHead]:
        rows = await self._tx.fetch(query, list(logs))
        return [TreeHead(log=row["log_id"], size=row["size"], root=row["root"]) for row in rows]

    async def tiles(self, log: UUID, wanted: Collection[Tile]) -> Mapping[Tile, bytes]:
        tiles = list(wanted)
        rows = await self._tx.fetch(
            _TILES, log, [tile.level for tile in tiles], [tile.number << TILE_BITS for tile in tiles], TILE_WIDTH
        )
        parts: dict[Tile, list[tuple[int, bytes]]] = {tile: [] for tile in tiles}
        for row in rows:
            tile = Tile(row["level"], row["first"] >> TILE_BITS)
            parts[tile].append((row["first"] % TILE_WIDTH, row["hashes"]))
        return {tile: assemble(found) for tile, found in parts.items()}


class PostgresCheckpoints:
    def __init__(self, *, tx: Transaction) -> None:
        self._tx = tx

    async def newest(self, logs: Collection[UUID]) -> Mapping[UUID, SignedCheckpoint]:
        rows = await self._tx.fetch(_NEWEST, list(logs))
        return {row["log_id"]: _checkpoint(row) for row in rows}

    async def of_size(self, log: UUID, size: int) -> SignedCheckpoint | None:
        row = await self._tx.fetchrow(_OF_SIZE, log, size)
        return _checkpoint(row) if row else None

    async def add(self, checkpoints: Sequence[SignedCheckpoint], *, signed_at: datetime) -> None:
        await self._tx.execute(
            _ADD,
            signed_at,
            [checkpoint.log for checkpoint in checkpoints],
            [checkpoint.size for checkpoint in checkpoints],
            [checkpoint.note for checkpoint in checkpoints],
        )


def _checkpoint(row: asyncpg.Record) -> SignedCheckpoint:
    return SignedCheckpoint(log=row["log_id"], size=row["size"], note=row["note"], signed_at=row["signed_at"])
