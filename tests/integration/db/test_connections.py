"""Who is lent which connection, and how long one is kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from libs.db.connections import Connection, Connections
from libs.db.errors import DatabaseUnavailable
from tests.support.postgres import ServiceDatabase, ServiceDatabases

#: More seconds than any machine takes.
_PATIENCE = 60.0


@pytest.fixture
def made(service_database: ServiceDatabases) -> ServiceDatabase:
    return service_database("identity", [])


@asynccontextmanager
async def lending(
    made: ServiceDatabase, *, size: int = 2, patience: float = _PATIENCE, idle_seconds: float = 300.0
) -> AsyncIterator[Connections]:
    connections = Connections(connect=connecting(made), size=size, patience=patience, idle_seconds=idle_seconds)
    yield connections
    await connections.close()


def connecting(made: ServiceDatabase) -> Callable[[], Awaitable[Connection]]:
    async def connect() -> Connection:
        return await asyncpg.connect(made.runtime)

    return connect


async def closed(connection: Connection) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not connection.is_closed():  # noqa: ASYNC110 - the driver calls nobody for one that nobody uses
            await asyncio.sleep(0.01)


async def test_connections_are_as_many_as_were_needed_and_never_more_than_allowed(made: ServiceDatabase) -> None:
    async with lending(made) as connections:
        seen: set[Connection] = set()
        held: set[Connection] = set()

        async def use() -> None:
            connection = await connections.borrow()
            assert connection not in held
            held.add(connection)
            assert len(held) <= 2
            seen.add(connection)
            await connection.fetchval("SELECT 1")
            held.remove(connection)
            connections.give_back(connection)

        for _ in range(3):
            await use()
        assert len(seen) == 1
        await asyncio.gather(*(use() for _ in range(20)))
        assert len(seen) == 2


async def test_who_waits_too_long_is_told_so_and_takes_nothing_along(made: ServiceDatabase) -> None:
    async with lending(made, patience=0.05) as connections:
        lent = [await asyncio.wait_for(borrowed(connections), _PATIENCE) for _ in range(2)]
        with pytest.raises(DatabaseUnavailable):
            await connections.borrow()
        for connection in lent:
            connections.give_back(connection)
        again = [await connections.borrow() for _ in range(2)]
        assert set(again) == set(lent)
        for connection in again:
            connections.give_back(connection)


async def borrowed(connections: Connections) -> Connection:
    """One, however slow the machine connects."""
    while True:
        try:
            return await connections.borrow()
        except DatabaseUnavailable:
            continue


async def test_who_is_cancelled_while_it_waits_takes_nothing_along(made: ServiceDatabase) -> None:
    async with lending(made) as connections:
        first, second = [await connections.borrow() for _ in range(2)]
        waiting = [asyncio.create_task(connections.borrow()) for _ in range(3)]
        await asyncio.sleep(0)  # they wait
        waiting[0].cancel()
        connections.give_back(first)
        waiting[1].cancel()  # when it has just been its turn
        assert await waiting[2] is first
        await asyncio.wait(waiting)
        connections.give_back(second)
        assert await connections.borrow() is second
        for connection in (first, second):
            connections.give_back(connection)


async def test_what_is_lost_while_nobody_has_it_is_not_lent(made: ServiceDatabase) -> None:
    async with lending(made) as connections:
        lost = await connections.borrow()
        pid = await lost.fetchval("SELECT pg_backend_pid()")
        connections.give_back(lost)
        administrator = await asyncpg.connect(made.administrator)
        await administrator.execute("SELECT pg_terminate_backend($1)", pid)
        await administrator.close()
        await closed(lost)
        connection = await connections.borrow()
        assert await connection.fetchval("SELECT 1") == 1
        connections.give_back(connection)


async def test_what_lies_unused_is_closed_and_what_is_lent_is_not(made: ServiceDatabase) -> None:
    async with lending(made, size=4, idle_seconds=0.2) as connections:
        kept, *unused = [await connections.borrow() for _ in range(4)]
        for connection in unused:
            connections.give_back(connection)
        await closed(unused[1])
        # All that lay there from one look to the next, at once.
        assert all(connection.is_closed() for connection in unused)
        assert await kept.fetchval("SELECT 1") == 1
        connections.give_back(kept)
        await closed(kept)


async def test_the_oldest_is_closed_however_much_it_is_used(made: ServiceDatabase) -> None:
    async with lending(made, size=1, idle_seconds=0.2) as connections:
        first = await connections.borrow()
        connections.give_back(first)
        async with asyncio.timeout(_PATIENCE):
            while (connection := await connections.borrow()) is first:
                await connection.fetchval("SELECT 1")
                connections.give_back(connection)
                await asyncio.sleep(0)
        connections.give_back(connection)


async def test_closing_waits_for_what_is_lent_and_lends_no_more(made: ServiceDatabase) -> None:
    connections = Connections(connect=connecting(made), size=1, patience=_PATIENCE)
    connection = await connections.borrow()
    waiting = asyncio.create_task(connections.borrow())
    await asyncio.sleep(0)  # it waits
    closing = asyncio.create_task(connections.close())
    await asyncio.sleep(0)  # it begins
    with pytest.raises(DatabaseUnavailable):
        await connections.borrow()
    assert await connection.fetchval("SELECT 1") == 1
    assert not closing.done()
    connections.give_back(connection)
    with pytest.raises(DatabaseUnavailable):
        await waiting
    await closing
    assert connection.is_closed()


async def test_what_connects_when_all_is_cut_off_is_cut_off_too(made: ServiceDatabase) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    made_late: list[Connection] = []

    async def connect() -> Connection:
        begun.set()
        await go_on.wait()
        made_late.append(await connecting(made)())
        return made_late[0]

    connections = Connections(connect=connect, size=1, patience=_PATIENCE)
    waiting = asyncio.create_task(connections.borrow())
    await begun.wait()
    closing = asyncio.create_task(connections.close())
    await asyncio.sleep(0)  # it begins
    closing.cancel()
    await asyncio.wait([closing])
    go_on.set()
    with pytest.raises(DatabaseUnavailable):
        await waiting
    assert made_late[0].is_closed()
