"""Micro-batches: calls gather for a moment and are carried out together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class BatchFull(Exception):
    """More calls wait than will be served in time."""


class Batch(Generic[Item, Result]):
    """Gathers items and gives them to `work`, one batch at a time. It answers in their order; an exception among the
    answers is raised to its submitter alone, one that `work` raises to all. Work that has begun is finished, whoever
    cancels."""

    def __init__(
        self,
        *,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        size: int,
        tick: float = 0.0,
        ticks: int = 1,
        waiting: int = 4096,
    ) -> None:
        """At most `size` items a batch; its first one waits `tick` seconds for others (0: for those of the same turn of
        the loop), and again while others keep coming, `ticks` times at most; beyond `waiting` items none is taken."""
        self._work = work
        self._size = size
        self._tick = tick
        self._ticks = ticks
        self._most_waiting = waiting
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """The answer for this item, from work that began after this call. Raises BatchFull."""
        if len(self._waiting) >= self._most_waiting:
            raise BatchFull
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._timer is None and self._running is None:
            self._wait(self._ticks)
        return await future

    def _wait(self, ticks: int) -> None:
        there = len(self._waiting)
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._waited, ticks - 1, there)

    def _waited(self, ticks: int, there: int) -> None:
        if ticks > 0 and there < len(self._waiting) < self._size:
            self._wait(ticks)
        else:
            self._begin()

    def _begin(self) -> None:
        self._timer = None
        taken = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
        # Its own context: the work belongs to all of the calls, not to the trace of the one that came first.
        self._running = asyncio.get_running_loop().create_task(self._carry_out(taken), context=Context())
        self._running.add_done_callback(self._ended)

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self._running = None
        if len(self._waiting) >= self._size:
            self._begin()
        elif self._waiting:
            # A busy loop takes calls in one by one: those that have come are few of those at the door.
            self._wait(self._ticks - 1)

    async def _carry_out(self, taken: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        results: Sequence[Result | Exception]
        try:
            results = await self._work([item for item, _ in taken])
        except Exception as error:
            results = [error] * len(taken)
        for (_, future), result in zip(taken, results, strict=True):
            if future.done():  # its caller has gone
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
