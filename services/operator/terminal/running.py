"""Runs one use case against the deployment, and says in one line why it could not."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from services.operator.terminal.exits import Exit
from services.operator.terminal.output import fail

U = TypeVar("U")
T = TypeVar("T")

#: Opens a use case against the deployment that the environment names.
Opened = Callable[[], AbstractAsyncContextManager[U]]


def run(opened: Opened[U], act: Callable[[U], Awaitable[T]]) -> T:
    """What `act` returns; for what it raises, the command ends with one line on stderr and its exit code."""

    # Imports what it needs. From then on there is something to end in order (services/operator/__main__.py).
    opening = opened()
    signal.signal(signal.SIGINT, signal.default_int_handler)

    async def whole() -> T:
        async with opening as use_case:
            return await act(use_case)

    try:
        return asyncio.run(whole())
    except KeyboardInterrupt:
        fail("Interrupted.", Exit.INTERRUPTED)
    except Exception as error:
        # It knows gRPC's and the settings' errors, which `--help` shall not wait for.
        from services.operator.terminal.failure import failure_of

        failure = failure_of(error)
        if failure is None:
            raise
        fail(*failure)
