"""One log, recomputed from its leaves."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any
from uuid import UUID

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.merkle.frontier import TILE_BITS, TILE_WIDTH, Frontier, HashRun
from libs.merkle.proofs import HashesMissing, Tile
from services.audit.fsck.keys import KnownKeys
from services.audit.fsck.progress import Progress
from services.audit.fsck.report import FsckReport
from services.audit.store.log import PostgresTrees
from wardenry.log.checkpoint import CheckpointInvalid, log_origin, open_checkpoint
from wardenry.log.leaf import LeafInvalid, parse_leaf
from wardenry.log.note import NoteInvalid
from wardenry.log.tree import HASH_BYTES, leaf_hash

#: Entries read at a time, and those whose values are looked up at a time: no statement may take as long as a log is.
_BATCH = 2048
_LOOKED_UP = 200_000
_BEYOND_ALL = (1 << 63) - 1
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_HEAD = "SELECT size, root, frontier FROM tree_head WHERE log_id = $1"
_ENTRIES = """
SELECT index, event_id, occurred_at, action, succeeded, actor_id, target_id, leaf FROM entry
WHERE log_id = $1 AND index >= $2 ORDER BY index LIMIT $3
"""
# Along the index, so that copies stand side by side.
_EVENTS = "SELECT event_id FROM entry WHERE log_id = $1 AND event_id >= $2 ORDER BY event_id LIMIT $3"
_CHECKPOINTS = "SELECT size, note FROM checkpoint WHERE log_id = $1 AND size > $2 AND size <= $3 ORDER BY size"
_BEYOND = "SELECT size FROM checkpoint WHERE log_id = $1 AND size > $2 ORDER BY size DESC LIMIT 1"
_COUNTS = "SELECT level, sum(length(hashes)) / 32 AS hashes FROM hash_run WHERE log_id = $1 GROUP BY level"
_BESIDE = """
SELECT index FROM entry_personal AS beside WHERE log_id = $1 AND index >= $2 AND index < $3 AND NOT EXISTS (
    SELECT FROM entry WHERE entry.log_id = $1 AND entry.index = beside.index
        AND entry.recorded_at = beside.recorded_at
) ORDER BY index LIMIT 10
"""
_LARGEST = "SELECT COALESCE(max(size), 0) FROM checkpoint WHERE log_id = $1"


@asynccontextmanager
async def reading(database: Database, *logs: UUID) -> AsyncIterator[Transaction]:
    """A transaction that sees these logs as they are at one moment, and can change nothing."""
    async with database.transaction(Context(workspaces=frozenset(logs))) as tx:
        await tx.execute(_SNAPSHOT)
        yield tx


class CheckTree:
    """Makes the tree of one log anew, and compares it with everything that is stored of it."""

    def __init__(self, *, tx: Transaction, log: UUID, keys: KnownKeys, report: FsckReport, progress: Progress) -> None:
        self._tx = tx
        self._log = log
        self._keys = keys
        self._report = report
        self._progress = progress
        self._trees = PostgresTrees(tx=tx)
        self._tree = Frontier()

    async def check(self) -> tuple[int, int]:
        """The sizes of the stored head and of the largest checkpoint."""
        head = await self._tx.fetchrow(_HEAD, self._log)
        if await self._entries(head["size"] if head else 0):
            await self._checkpoints_beyond()
            await self._counts()
            self._head(head)
        await self._beside()
        await self._events()
        return head["size"] if head else 0, await self._tx.fetchval(_LARGEST, self._log)

    async def _entries(self, expected_size: int) -> bool:
        """Whether the leaves make a tree: not with a gap in them."""
        await self._checkpoints(-1, 0)
        while rows := await self._tx.fetch(_ENTRIES, self._log, self._tree.size, _BATCH):
            start = self._tree.size
            self._report.made["density"] += len(rows)
            for expected, row in enumerate(rows, start=start):
                if row["index"] != expected:
                    self._fail("density", f"after entry {expected - 1} comes {row['index']}")
                    return False
                self._leaf(row)
            self._report.entries += len(rows)
            await self._grow([leaf_hash(row["leaf"]) for row in rows])
            self._progress(f"entries, {self._tree.size:,} of {max(expected_size, self._tree.size):,}")
        return True

    async def _grow(self, leaves: Sequence[bytes]) -> None:
        start, end = self._tree.size, self._tree.size + len(leaves)
        runs: list[HashRun] = []
        signed = await self._tx.fetch(_CHECKPOINTS, self._log, start, end)
        for row in [*signed, None]:
            size = row["size"] if row else end
            self._tree, made = self._tree.append(leaves[self._tree.size - start : size - start])
            runs += made
            if row:
                self._checkpoint(row)
        await self._hashes(runs)

    def _leaf(self, row: Any) -> None:
        self._report.made["leaf"] += 1
        try:
            leaf = parse_leaf(row["leaf"])
        except LeafInvalid as error:
            self._fail("leaf", f"entry {row['index']}: {error}")
            return
        if leaf.log != self._log:
            self._fail("leaf", f"entry {row['index']} is of log {leaf.log}")
        said = (
            leaf.event_id,
            leaf.occurred,
            leaf.action,
            leaf.outcome == "success",
            leaf.actor_id,
            leaf.target_subject,
        )
        if said != tuple(row)[1:7]:
            self._fail("leaf", f"the row of entry {row['index']} says something else than its leaf")

    async def _hashes(self, runs: Sequence[HashRun]) -> None:
        for run in runs:
            tile = Tile(run.level, run.first >> TILE_BITS)
            try:
                stored = (await self._trees.tiles(self._log, [tile]))[tile]
            except HashesMissing as error:
                self._fail("hash", f"tile {tile.number} of level {tile.level}: {error}")
                continue
            start = run.first % TILE_WIDTH
            for place in range(len(run.hashes) // HASH_BYTES):
                self._report.made["hash"] += 1
                made = run.hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES]
                if stored[(start + place) * HASH_BYTES : (start + place + 1) * HASH_BYTES] != made:
                    self._fail("hash", f"hash {run.first + place} of level {run.level} is another or missing")

    async def _checkpoints(self, after: int, until: int) -> None:
        for row in await self._tx.fetch(_CHECKPOINTS, self._log, after, until):
            self._checkpoint(row)

    def _checkpoint(self, row: Any) -> None:
        """A checkpoint of the size that the tree has now."""
        self._report.made["checkpoint"] += 1
        try:
            checkpoint = open_checkpoint(row["note"], self._keys.all)
        except (NoteInvalid, CheckpointInvalid) as error:
            self._fail("checkpoint", f"the checkpoint of size {row['size']}: {error}")
            return
        stated = (checkpoint.origin, checkpoint.size, checkpoint.root)
        if stated != (log_origin(self._keys.present.name, self._log), self._tree.size, self._tree.root()):
            self._fail("checkpoint", f"the checkpoint of size {row['size']} is over another tree")

    async def _checkpoints_beyond(self) -> None:
        beyond = await self._tx.fetchval(_BEYOND, self._log, self._tree.size)
        if beyond is not None:
            self._fail("checkpoint", f"a checkpoint covers {beyond} entries, {self._tree.size} are there")

    async def _counts(self) -> None:
        stored = {row["level"]: int(row["hashes"]) for row in await self._tx.fetch(_COUNTS, self._log)}
        for level in range(8):
            made = self._tree.size >> level * TILE_BITS
            if stored.get(level, 0) != made:
                self._fail("hash", f"level {level} has {stored.get(level, 0)} hashes, its leaves make {made}")

    async def _events(self) -> None:
        """That none is there twice. Each page begins with the last one of the page before."""
        last, read = UUID(int=0), 1
        while len(rows := await self._tx.fetch(_EVENTS, self._log, last, _BATCH)) > 1:
            events = [row["event_id"] for row in rows]
            for one, next_one in pairwise(events):
                if one == next_one:
                    self._fail("event", f"event {one} has two entries")
            read += len(events) - 1
            self._report.made["event"] += len(events) - 1
            self._progress(f"events, {read:,} of {self._tree.size:,}")
            if events[-1] == last:
                break  # more copies than a page holds
            last = events[-1]

    async def _beside(self) -> None:
        starts = [*range(0, self._tree.size, _LOOKED_UP), self._tree.size]
        for start, end in zip(starts, [*starts[1:], _BEYOND_ALL], strict=True):
            self._progress(f"values, {start:,} of {self._tree.size:,}")
            for row in await self._tx.fetch(_BESIDE, self._log, start, end):
                self._fail("beside", f"values of entry {row['index']}, which is not there")
        self._report.made["beside"] += 1

    def _head(self, head: Any) -> None:
        self._report.made["head"] += 1
        stated = (head["size"], head["root"], head["frontier"]) if head else (0, Frontier().root(), b"")
        if stated != (self._tree.size, self._tree.root(), self._tree.to_bytes()):
            text = f"the head says {stated[0]} entries, root {stated[1].hex()}"
            self._fail("head", f"{text}; the leaves are {self._tree.size}, root {self._tree.root().hex()}")

    def _fail(self, check: str, text: str) -> None:
        self._report.fail(check, self._log, text)
