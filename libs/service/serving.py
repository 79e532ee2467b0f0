"""A service at work: it takes calls, and does beside them what it does for ever."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.db.pool import Database
from libs.rpc.server import GrpcServer
from libs.service.databases import Databases

#: Something that goes on for ever. What fails in it ends the process, and a supervisor starts that again.
Work = Callable[[], Coroutine[Any, Any, None]]

#: Seconds between looks at whether the service is ready: while it is, and while it is not.
_READY, _NOT_READY = 2.0, 0.2


@asynccontextmanager
async def serving(
    server: GrpcServer, *, databases: Databases, works: Sequence[Work], is_ready: Callable[[], bool] = lambda: True
) -> AsyncIterator[None]:
    """Takes calls while the block runs; once the databases answer, does the works, and says that it is ready while
    the first of them answers and `is_ready`.

    The first failure of a work ends the block, and so does the server's own. Raises SecretInvalid, ListenFailed,
    ServerDied, and what a work raised.
    """

    async def beside() -> None:
        await databases.open()
        async with asyncio.TaskGroup() as group:
            group.create_task(_tell_readiness(server, databases.runtime, is_ready))
            for work in works:
                group.create_task(work())

    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(beside())
            # The last to begin is the first to end: calls are drained before anything that they use stops.
            async with server:
                group.create_task(server.watch())
                yield
            task.cancel()
    except BaseExceptionGroup as failures:
        raise _first(failures) from failures


async def _tell_readiness(server: GrpcServer, database: Database, is_ready: Callable[[], bool]) -> None:
    while True:
        try:
            await database.fetch("SELECT 1")
            ready = is_ready()
        except (DatabaseUnavailable, DatabaseRefused):
            ready = False
        await server.ready(ready)
        await asyncio.sleep(_READY if ready else _NOT_READY)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
