"""Following a feed through everything that ends a stream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from wardenry import feed as feed_module
from wardenry.clock import SystemClock
from wardenry.feed import Feed
from wardenry.lease import Lease

LOST = AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata())


class Stream:
    """Answers as it was told, then stays silent."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.ticks: list[int] = []
        self.cancelled = False

    async def write(self, tick: int) -> None:
        self.ticks.append(tick)

    async def read(self) -> Any:
        await asyncio.sleep(0.001)
        if not self.answers:
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return self.ticks[0] if answer == "echo" else answer

    def cancel(self) -> None:
        self.cancelled = True


class Followed:
    """A feed over the given streams, one after another."""

    def __init__(self, *streams: Stream, apply: Callable[[int], None] | None = None) -> None:
        self.streams = list(streams)
        self.opened: list[Stream] = []
        self.clock = SystemClock()
        self.lease = Lease(clock=self.clock, longest=3600.0)
        self.feed: Feed[int, int] = Feed(
            name="test",
            watch=self._open,
            request=lambda tick: tick,
            apply=apply or self.lease.renew,
            lease=self.lease,
        )

    def _open(self) -> Stream:
        self.opened.append(self.streams.pop(0) if self.streams else Stream([]))
        return self.opened[-1]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.feed.run())
        yield
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    @property
    def fresh(self) -> bool:
        return self.lease.is_fresh(self.clock.monotonic())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition is no event
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("end", [grpc.aio.EOF, LOST], ids=["ended", "lost"])
async def test_a_stream_that_ends_is_opened_again(end: Any) -> None:
    followed = Followed(Stream(["echo", end]), Stream(["echo"]))
    async with followed.running():
        await until(lambda: followed.fresh)
        await until(lambda: len(followed.opened) == 2)
        assert followed.opened[0].cancelled
        second = followed.opened[1]
        await until(lambda: not second.answers)
        assert followed.fresh


class StaleStream(Stream):
    """Echoes a tick of an earlier stream, then stays silent."""

    def __init__(self, earlier: Stream) -> None:
        super().__init__(["echo"])
        self.earlier = earlier

    async def read(self) -> Any:
        return self.earlier.ticks[0] if await super().read() else None


async def test_a_tick_of_an_earlier_stream_renews_nothing() -> None:
    first = Stream([LOST])
    second = StaleStream(first)
    followed = Followed(first, second)
    async with followed.running():
        await until(followed.feed.received.is_set)
        assert not second.answers
        assert not followed.fresh


async def test_a_silent_stream_is_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "SILENCE", 0.05)
    followed = Followed(Stream(["echo"]), Stream(["echo"]))
    async with followed.running():
        await until(lambda: len(followed.opened) >= 2)
        assert followed.opened[0].cancelled


async def test_a_message_that_cannot_be_taken_in_does_not_end_the_following() -> None:
    def apply(_message: int) -> None:
        raise ValueError("not as agreed")

    followed = Followed(Stream(["echo"]), Stream(["echo"]), apply=apply)
    async with followed.running():
        await until(lambda: len(followed.opened) >= 2)
    assert not followed.fresh


async def test_ticks_go_on_while_nothing_comes() -> None:
    followed = Followed(Stream([]))
    async with followed.running():
        await until(lambda: len(followed.opened) == 1 and len(followed.opened[0].ticks) >= 2)
        assert not followed.fresh
    assert followed.opened[0].cancelled
