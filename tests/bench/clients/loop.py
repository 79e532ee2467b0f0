"""A client process: reads what it is to do from its standard input, one JSON object a line, and answers alike."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

Command = dict[str, Any]
Answer = dict[str, Any]
#: How many different errors are told.
_MOST_TOLD = 5


class Load:
    """A closed loop: so many calls are under way at any time, each followed by the next."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.errors: dict[str, int] = {}
        self._until = 0.0

    async def run(self, once: Callable[[int], Awaitable[None]], *, in_flight: int, seconds: float) -> Answer:
        """Calls `once` with the number of its loop, again and again, and lets the last ones end."""
        began = time.perf_counter()
        self._until = began + seconds
        await asyncio.gather(*(self._loop(once, number) for number in range(in_flight)))
        took = time.perf_counter() - began
        return {"done": len(self.seconds), "seconds": took, "errors": self.errors, **self._latencies()}

    async def _loop(self, once: Callable[[int], Awaitable[None]], number: int) -> None:
        began = time.perf_counter()
        while began < self._until:
            try:
                await once(number)
            except Exception as error:
                told = f"{type(error).__name__}: {error}".splitlines()[0][:300]
                if told in self.errors or len(self.errors) < _MOST_TOLD:
                    self.errors[told] = self.errors.get(told, 0) + 1
                # One that fails at once would fail very often.
                await asyncio.sleep(0.01)
                began = time.perf_counter()
                continue
            ended = time.perf_counter()
            self.seconds.append(ended - began)
            began = ended

    def _latencies(self) -> dict[str, float]:
        ordered = sorted(self.seconds) or [0.0]
        return {f"p{share}_ms": ordered[len(ordered) * share // 100] * 1000 for share in (50, 99)}


def serve(open_client: Callable[[Command], Awaitable[Callable[[Command], Awaitable[Answer]]]]) -> None:
    """Opens the client by the first line, then carries out the others, until the input ends."""
    uvloop.run(_serve(open_client))


async def _serve(open_client: Callable[[Command], Awaitable[Callable[[Command], Awaitable[Answer]]]]) -> None:
    client = await open_client(json.loads(sys.stdin.readline()))
    _answer({})
    while line := await asyncio.to_thread(sys.stdin.readline):
        _answer(await client(json.loads(line)))


def _answer(answer: Answer) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
