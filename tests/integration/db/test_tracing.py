"""Transactions in a sampled trace are spans of it: which database, what kind of work, and nothing of the rows."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from libs.db.context import Context
from libs.db.errors import DatabaseUnavailable
from libs.db.pool import Database
from libs.telemetry import trace_context
from tests.support.events import sql
from tests.support.postgres import ServiceDatabases
from tests.support.spans import KeepingObserver

SUBJECT = UUID("018f0000-0000-7000-8000-00000000000b")


@pytest.fixture
def observer() -> KeepingObserver:
    return KeepingObserver()


@pytest.fixture
async def database(service_database: ServiceDatabases, observer: KeepingObserver) -> AsyncIterator[Database]:
    made = service_database("identity", sql("tests/testdata/sql/taken.sql"))
    pool = Database(url=made.runtime, name="test", size=1, acquire_timeout=1.0, observer=observer)
    await pool.open()
    yield pool
    await pool.close()


async def test_a_transaction_is_a_span_and_the_place_of_what_is_emitted_in_it(
    database: Database, observer: KeepingObserver
) -> None:
    entered = trace_context.enter(call := trace_context.new_trace(ratio=1.0))
    async with database.transaction(Context(subjects=frozenset({SUBJECT}))) as tx:
        await tx.execute("SELECT $1::text", "ana@example.com")
        inside = trace_context.current()
    assert trace_context.current() == call
    await database.fetch("SELECT 1")
    trace_context.leave(entered)
    transaction, statement = observer.kept
    assert inside is not None
    assert (transaction.span_id, transaction.parent_id, transaction.trace_id) == (
        inside.span_id,
        call.span_id,
        call.trace_id,
    )
    namespace = transaction.values["db.namespace"]
    assert transaction.values == {
        "db.system.name": "postgresql",
        "db.namespace": namespace,
        "db.operation.name": "TRANSACTION",
    }
    assert (transaction.name, transaction.kind) == (f"TRANSACTION {namespace}", "CLIENT")
    assert (statement.name, statement.parent_id) == (f"SELECT {namespace}", call.span_id)


async def test_failures_of_the_database_are_told_by_their_kind_alone(
    database: Database, observer: KeepingObserver
) -> None:
    entered = trace_context.enter(trace_context.new_trace(ratio=1.0))
    with pytest.raises(asyncpg.PostgresError):
        async with database.transaction(Context()) as tx:
            await tx.execute("SELECT 'ana@example.com'::uuid")
    async with database.transaction(Context()):
        with pytest.raises(DatabaseUnavailable):  # the only connection is in use
            await database.fetch("SELECT 1")
    trace_context.leave(entered)
    assert [(span.failed, span.values.get("error.type")) for span in observer.kept] == [
        (True, "InvalidTextRepresentationError"),
        (True, "DatabaseUnavailable"),
        (False, None),
    ]


async def test_a_refusal_that_rolls_back_is_no_failure_of_the_database(
    database: Database, observer: KeepingObserver
) -> None:
    entered = trace_context.enter(trace_context.new_trace(ratio=1.0))
    with pytest.raises(LookupError):
        async with database.transaction(Context()):
            raise LookupError
    trace_context.leave(entered)
    assert [span.failed for span in observer.kept] == [False]


async def test_work_outside_of_sampled_traces_leaves_nothing(database: Database, observer: KeepingObserver) -> None:
    await database.fetch("SELECT 1")
    entered = trace_context.enter(trace_context.new_trace(ratio=0.0))
    async with database.transaction(Context()):
        pass
    trace_context.leave(entered)
    assert observer.kept == []
