"""Work that is done again and again, and at once when somebody knows that there is some."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)


class Periodic:
    """Runs `work` every `seconds`, and soon after `wake`."""

    def __init__(self, *, name: str, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._name = name
        self._work = work
        self._seconds = seconds
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        """There is work now."""
        self._wanted.set()

    async def run(self) -> None:
        """Runs until cancelled. What fails is tried again at the next time: nothing of the work is lost with it."""
        failing = False
        while True:
            self._wanted.clear()
            try:
                await self._work()
                failing = False
            except Exception as error:
                # One line when it begins; a dependency that stays away would fill the log.
                if not failing:
                    _log.warning("%s will be tried again: %s: %s", self._name, type(error).__name__, error)
                failing = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), self._seconds)
