"""What the databases hold once everything has come to rest, read as their administrator."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from libs.events.position import Position
from tests.support.stack import LocalStack
from wardenry.log.leaf import Leaf, parse_leaf

SOURCES = ("identity", "session", "tenancy", "audit", "datarights")

_ENTRIES = "SELECT log_id, index, event_id, action, succeeded, leaf FROM entry ORDER BY log_id, index"
_TREES = "SELECT log_id, size, root, frontier FROM tree_head"
_CHECKPOINTS = "SELECT log_id, size, note FROM checkpoint ORDER BY log_id, size"
_HASHES = "SELECT log_id, level, first, hashes FROM hash_run"
_OUTBOX = "SELECT event_id, log, action FROM outbox"
_HEADS = "SELECT bucket, generation, next FROM outbox_head WHERE next > 0 OR generation > 1"
_UNNUMBERED = "SELECT count(*) FROM outbox WHERE number IS NULL"
_CURSORS = "SELECT bucket, generation, next FROM cursor WHERE source = $1"
_PARKED = "SELECT reason, detail FROM parked_record"
_SESSIONS = "SELECT session_id, end_reason FROM session"
_GRANTS = "SELECT grant_id, counter FROM session_grant"
_INVITATIONS = "SELECT invitation_id, revoked_at IS NOT NULL AS revoked FROM invitation"
_WORKSPACES = "SELECT workspace_id FROM workspace"
_RECEIPTS = "SELECT event_id FROM record_receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the log, as the database has it, and what its leaf says."""

    log: UUID
    index: int
    event_id: UUID
    action: str
    succeeded: bool
    data: bytes
    leaf: Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The head of a log's tree."""

    log: UUID
    size: int
    root: bytes
    frontier: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    log: UUID
    size: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HashRun:
    log: UUID
    level: int
    first: int
    hashes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """A row of an outbox: what a committed transaction said."""

    source: str
    event_id: UUID
    log: UUID
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything that is compared."""

    entries: Sequence[Entry]
    trees: Sequence[Tree]
    checkpoints: Sequence[StoredCheckpoint]
    hashes: Sequence[HashRun]
    emitted: Sequence[Emitted]
    #: Records that a consumer set aside, in words.
    parked: Sequence[str]
    #: Why each session ended; None while it lives.
    sessions: dict[UUID, str | None]
    #: How often each grant was rotated.
    grants: dict[UUID, int]
    #: Whether each invitation was revoked.
    invitations: dict[UUID, bool]
    workspaces: frozenset[UUID]
    receipts: frozenset[UUID]


class StoreReader:
    """Reads the databases of a stack."""

    def __init__(self, stack: LocalStack) -> None:
        self._home = stack.home
        self._address = stack.state["addresses"]["postgresql"]

    async def rest(self, *, seconds: float) -> list[str]:
        """Waits until audit and session have every event that was emitted; what still lacks then, in words."""
        deadline = time.monotonic() + seconds
        while True:
            lacking = await self._lacking()
            if not lacking or time.monotonic() > deadline:
                return lacking
            await asyncio.sleep(0.3)

    async def read(self) -> Stores:
        audit = await self._connect("audit")
        session = await self._connect("session")
        tenancy = await self._connect("tenancy")
        try:
            parked = [
                f"{name} parked a record: {row['reason']}, {row['detail']}"
                for name, connection in (("audit", audit), ("session", session))
                for row in await connection.fetch(_PARKED)
            ]
            return Stores(
                entries=[_entry(row) for row in await audit.fetch(_ENTRIES)],
                trees=[
                    Tree(log=row["log_id"], size=row["size"], root=row["root"], frontier=row["frontier"])
                    for row in await audit.fetch(_TREES)
                ],
                checkpoints=[
                    StoredCheckpoint(log=row["log_id"], size=row["size"], note=row["note"])
                    for row in await audit.fetch(_CHECKPOINTS)
                ],
                hashes=[
                    HashRun(log=row["log_id"], level=row["level"], first=row["first"], hashes=row["hashes"])
                    for row in await audit.fetch(_HASHES)
                ],
                emitted=[each for source in SOURCES for each in await self._emitted(source)],
                parked=parked,
                sessions={row["session_id"]: row["end_reason"] for row in await session.fetch(_SESSIONS)},
                grants={row["grant_id"]: row["counter"] for row in await session.fetch(_GRANTS)},
                invitations={row["invitation_id"]: row["revoked"] for row in await tenancy.fetch(_INVITATIONS)},
                workspaces=frozenset(row["workspace_id"] for row in await tenancy.fetch(_WORKSPACES)),
                receipts=frozenset(row["event_id"] for row in await audit.fetch(_RECEIPTS)),
            )
        finally:
            for connection in (audit, session, tenancy):
                await connection.close()

    async def _emitted(self, source: str) -> list[Emitted]:
        connection = await self._connect(source)
        try:
            return [
                Emitted(source=source, event_id=row["event_id"], log=row["log"], action=row["action"])
                for row in await connection.fetch(_OUTBOX)
            ]
        finally:
            await connection.close()

    async def _lacking(self) -> list[str]:
        lacking = []
        audit = await self._connect("audit")
        try:
            for source in SOURCES:
                connection = await self._connect(source)
                try:
                    waiting = await connection.fetchval(_UNNUMBERED)
                    heads = {row["bucket"]: _position(row) for row in await connection.fetch(_HEADS)}
                finally:
                    await connection.close()
                cursors = {row["bucket"]: _position(row) for row in await audit.fetch(_CURSORS, source)}
                if waiting:
                    lacking.append(f"{waiting} rows of {source}'s outbox have no number")
                lacking += [
                    f"audit stands at {cursors.get(bucket)} of {source}'s bucket {bucket}, whose head is {head}"
                    for bucket, head in heads.items()
                    if bucket not in cursors or cursors[bucket] < head
                ]
        finally:
            await audit.close()
        return lacking

    async def _connect(self, database: str) -> "asyncpg.Connection[asyncpg.Record]":
        password = (self._home / "secrets" / "postgresql_administrator.password").read_text().strip()
        host, _, port = self._address.rpartition(":")
        return await asyncpg.connect(host=host, port=int(port), user="postgres", password=password, database=database)


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(
        log=row["log_id"],
        index=row["index"],
        event_id=row["event_id"],
        action=row["action"],
        succeeded=row["succeeded"],
        data=row["leaf"],
        leaf=parse_leaf(row["leaf"]),
    )


def _position(row: asyncpg.Record) -> Position:
    return Position(row["generation"], row["next"])
