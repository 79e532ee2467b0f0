"""How PostgreSQL carries out what a store asks: which plans it makes, and how much each of them looks at."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Connection, Transaction

#: Plans for the values at hand, and plans for any: a statement that is asked often comes to have one of the latter.
MODES = ("force_custom_plan", "force_generic_plan")
#: An id for a number, in rows that a statement generates: `numbered` here.
NUMBERED = """
CREATE FUNCTION numbered(kind integer, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$
"""


def numbered(kind: int, n: int) -> UUID:
    return UUID(f"{kind:08x}-0000-7000-8000-{n:012x}")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of a transaction in a context or of what is a database too, and how much it may look at. What it
    changes is undone."""

    context: Context
    ask: Callable[[Any], Awaitable[object]]
    most: int


async def fill(administrator: str, statements: Sequence[str]) -> None:
    """Carries the statements out without triggers and foreign keys, which would only take time."""
    connection = await asyncpg.connect(administrator)
    try:
        await connection.execute("SET session_replication_role = replica")
        for statement in (*statements, "VACUUM ANALYZE"):
            await connection.execute(statement)
    finally:
        await connection.close()


async def excess(url: str, questions: Mapping[str, Question], *, measure: Callable[[Any], int]) -> Sequence[str]:
    """The questions for which a plan of one of the modes looks at more than it may, by `measure` of a plan."""
    found = []
    for mode in MODES:
        database = _ExplainedDatabase(url=url, mode=mode)
        await database.open()
        try:
            for name, question in questions.items():
                database.plans.clear()
                with suppress(_Undone):
                    async with database.transaction(question.context) as tx:
                        await question.ask(tx)
                        raise _Undone
                read = sum(measure(plan["Plan"]) for plan in database.plans)
                if read > question.most:
                    found.append(f"{name}, {mode}: {read}, {question.most} allowed")
        finally:
            await database.close()
    return found


def rows(plan: Any) -> int:
    """Rows that were read from tables or compared in joins, those that were thrown away too."""
    count = 0
    for node in _nodes(plan):
        read = node["Actual Rows"] if "Relation Name" in node else 0
        removed = sum(number for name, number in node.items() if name.startswith("Rows Removed by"))
        count += round((read + removed) * node["Actual Loops"])
    return count


def pages(plan: Any) -> int:
    """Pages of tables and indexes that were looked at, each time that they were, inside functions too."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


class _Undone(Exception):
    """Rolls a question's transaction back."""


class _Explained(Transaction):
    """Carries every statement out to be explained, undoes that, and carries it out as asked."""

    def __init__(self, connection: "Connection[asyncpg.Record]", plans: list[Any]) -> None:
        super().__init__(connection)
        self._plans = plans

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        await self._explain(query, arguments)
        return await super().fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        await self._explain(query, arguments)
        return await super().fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        await self._explain(query, arguments)
        return await super().fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        await self._explain(query, arguments)
        return await super().execute(query, *arguments)

    @asynccontextmanager
    async def transaction(self, context: Context) -> AsyncIterator[Transaction]:
        """For what takes a whole database: it goes on here."""
        await self.connection.execute(context.begin().removeprefix("BEGIN; "))
        yield self

    async def _explain(self, query: str, arguments: Sequence[Any]) -> None:
        # EXPLAIN takes parameters of its own for constants, so that a plan for any values is seen by EXECUTE alone.
        types = [each.name for each in (await self.connection.prepare(query)).get_parameters()]
        values = [
            await self.connection.fetchval(f"SELECT quote_nullable($1::{name}::text)", value)
            for name, value in zip(types, arguments, strict=True)
        ]
        declared, given = (f"({', '.join(each)})" if types else "" for each in (types, values))
        await self.connection.execute(f"SAVEPOINT explained; PREPARE asked {declared} AS {query}")
        # The first time also reads what a session looks up in the catalogue once.
        for _ in range(2):
            await self.connection.execute("SAVEPOINT carried_out")
            plan = await self.connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked {given}")
            await self.connection.execute("ROLLBACK TO SAVEPOINT carried_out")
        await self.connection.execute("ROLLBACK TO SAVEPOINT explained; DEALLOCATE asked")
        self._plans += json.loads(plan)


class _ExplainedDatabase(Database):
    """A connection whose statements leave their plans."""

    def __init__(self, *, url: str, mode: str) -> None:
        super().__init__(url=url, name="plans", size=1)
        self._mode = mode
        self.plans: list[Any] = []

    @asynccontextmanager
    async def transaction(self, context: Context) -> AsyncIterator[Transaction]:
        async with super().transaction(context) as tx:
            await tx.execute(f"SET LOCAL plan_cache_mode = {self._mode}")
            yield _Explained(tx.connection, self.plans)
