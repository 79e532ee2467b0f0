"""Work that is done again and again, and at once when somebody knows that there is some."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from libs.db.errors import DatabaseUnavailable
from libs.events.patience import Patience
from wardenry.clock import Clock

_log = logging.getLogger(__name__)


class Periodic:
    """Does `work` at the start, every `seconds`, and soon after `wake`."""

    def __init__(
        self,
        *,
        name: str,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        clock: Clock,
        outages: tuple[type[Exception], ...] = (),
    ) -> None:
        """`work` can be done at any time and any number of times. `outages` are what it raises, besides
        DatabaseUnavailable, when something that it needs is down; they are waited for without a traceback."""
        self._name = name
        self._work = work
        self._seconds = seconds
        self._outages: tuple[type[Exception], ...] = (DatabaseUnavailable, *outages)
        self._wanted = asyncio.Event()
        self._patience = Patience(what=name, log=_log, clock=clock)

    def wake(self) -> None:
        """There is work now."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled. What fails is tried again: nothing of the work is lost with it."""
        while True:
            self._wanted.clear()
            try:
                await self._work()
            except Exception as error:
                if not isinstance(error, self._outages):
                    # A defect in one round is not the next one's: it is told, and the service goes on.
                    _log.exception("%s: a round failed", self._name)
                await self._patience.wait(error)
                continue
            self._patience.over()
            # Not `wait_for`: until Python 3.12 it forgets a cancellation that comes with the wake.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._wanted.wait()
