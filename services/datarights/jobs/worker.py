"""Work that is done again and again, and at once when somebody knows that there is some."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from libs.db.errors import DatabaseUnavailable
from libs.events.patience import Patience
from services.datarights.domain.errors import ObjectsUnavailable
from wardenry.clock import Clock

_log = logging.getLogger(__name__)


class Worker:
    """Runs `work` every `seconds`, and soon after `wake`."""

    def __init__(self, *, name: str, work: Callable[[], Awaitable[None]], seconds: float, clock: Clock) -> None:
        self._work = work
        self._seconds = seconds
        self._wanted = asyncio.Event()
        self._patience = Patience(what=name, log=_log, clock=clock)

    def wake(self) -> None:
        """There is work now."""
        self._wanted.set()

    async def run(self) -> None:
        """Runs until cancelled. What fails is tried again: nothing of the work is lost with it."""
        while True:
            self._wanted.clear()
            try:
                await self._work()
                self._patience.over()
            except (DatabaseUnavailable, ObjectsUnavailable) as error:
                await self._patience.wait(error)
                continue
            except Exception as error:
                # Whatever one round met: the next one may not.
                _log.exception("%s: a round failed", __name__)
                await self._patience.wait(error)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), self._seconds)
