"""Audit's entries once more, in tables with the same columns and indexes that nothing protects."""

import io
import time

import asyncpg

_MAKE = "CREATE TABLE bench.{name} (LIKE public.{like} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)"
_LATEST = "SELECT coalesce(max(recorded_at), 'epoch') FROM entry"
_ENTRIES = """
SELECT entry.* FROM entry WHERE recorded_at > $1 AND action = $2 ORDER BY recorded_at, log_id, index
"""
_PERSONAL = """
SELECT entry_personal.* FROM entry_personal JOIN entry USING (log_id, index, recorded_at)
WHERE entry.recorded_at > $1 AND entry.action = $2 ORDER BY entry.recorded_at, log_id, index
"""
_INSERT = """
WITH placed AS (INSERT INTO bench.single_entry VALUES ({entry})) INSERT INTO bench.single_personal VALUES ({personal})
"""


class Copies:
    """Writes the rows that audit has just written, by COPY and one at a time, as the superuser."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", *, action: str) -> None:
        """The rows are those of the events of `action`."""
        self._connection = connection
        self._action = action
        self._since: object = None
        self._entries = self._personal = b""

    async def make(self) -> None:
        """Make the tables."""
        await self._connection.execute("CREATE SCHEMA bench")
        for name in ("copied", "single"):
            await self._connection.execute(_MAKE.format(name=f"{name}_entry", like="entry"))
            await self._connection.execute(_MAKE.format(name=f"{name}_personal", like="entry_personal"))

    async def begin(self) -> None:
        """What is recorded from now on is meant."""
        self._since = await self._connection.fetchval(_LATEST)

    async def read(self) -> int:
        """Take those rows into memory; how many entries they are."""
        self._entries, entries = await self._read(_ENTRIES)
        self._personal, personal = await self._read(_PERSONAL)
        return entries if entries == personal else -1

    async def copy(self) -> float:
        """Seconds for one transaction with a COPY into each table."""
        began = time.perf_counter()
        async with self._connection.transaction():
            for name, rows in (("copied_entry", self._entries), ("copied_personal", self._personal)):
                await self._connection.copy_to_table(
                    name, schema_name="bench", source=io.BytesIO(rows), format="binary"
                )
        return time.perf_counter() - began

    async def insert_singly(self, number: int) -> float:
        """Seconds for so many of them, each with what is beside it in a statement and a transaction of its own."""
        entries = await self._connection.fetch(f"{_ENTRIES} LIMIT {number}", self._since, self._action)
        personal = await self._connection.fetch(f"{_PERSONAL} LIMIT {number}", self._since, self._action)
        width = len(entries[0])
        parameters = [f"${position + 1}" for position in range(width + len(personal[0]))]
        insert = await self._connection.prepare(
            _INSERT.format(entry=", ".join(parameters[:width]), personal=", ".join(parameters[width:]))
        )
        rows = [(*entry, *beside) for entry, beside in zip(entries, personal, strict=True)]
        began = time.perf_counter()
        for row in rows:
            await insert.fetch(*row)
        return time.perf_counter() - began

    async def _read(self, query: str) -> tuple[bytes, int]:
        buffer = io.BytesIO()
        status = await self._connection.copy_from_query(
            query, self._since, self._action, output=buffer, format="binary"
        )
        return buffer.getvalue(), int(status.rpartition(" ")[2])
