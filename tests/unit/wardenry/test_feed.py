"""Following a feed through everything that ends a stream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from wardenry import feed as feed_module
from wardenry.clock import SystemClock
from wardenry.feed import Feed
from wardenry.lease import Lease

LOST = AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata())


@dataclass(frozen=True, slots=True)
class Message:
    echo: int
    number: int = 0


class Stream:
    """Answers as it was told, then stays silent."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.ticks: list[int] = []
        self.applied: list[int] = []
        self.cancelled = False

    async def write(self, request: tuple[int, int]) -> None:
        tick, applied = request
        self.ticks.append(tick)
        self.applied.append(applied)

    async def read(self) -> Any:
        await asyncio.sleep(0.001)
        if not self.answers:
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Message(self.ticks[0]) if answer == "echo" else answer

    def cancel(self) -> None:
        self.cancelled = True


class Followed:
    """A feed over the given streams, one after another."""

    def __init__(self, *streams: Stream, apply: Callable[[Message], None] | None = None) -> None:
        self.streams = list(streams)
        self.opened: list[Stream] = []
        self.clock = SystemClock()
        self.lease = Lease(clock=self.clock, longest=3600.0)
        self.feed: Feed[tuple[int, int], Message] = Feed(
            name="test",
            watch=self._open,
            request=lambda tick, applied: (tick, applied),
            apply=apply or (lambda message: self.lease.renew(message.echo)),
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
        return Message(self.earlier.ticks[0]) if await super().read() else None


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
    def apply(_message: Message) -> None:
        raise ValueError("not as agreed")

    followed = Followed(Stream(["echo"]), Stream(["echo"]), apply=apply)
    async with followed.running():
        await until(lambda: len(followed.opened) >= 2)
    assert not followed.fresh


async def test_what_is_told_is_confirmed_at_once_and_only_when_it_is_taken_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_module, "TICK", 3600)
    taken: list[Message] = []
    stream = Stream([Message(echo=0), Message(echo=0, number=1), Message(echo=0), Message(echo=0, number=3)])
    confirmed: list[tuple[int, int]] = []
    write = stream.write

    async def noting(request: tuple[int, int]) -> None:
        confirmed.append((request[1], max((message.number for message in taken), default=0)))
        await write(request)

    stream.write = noting  # type: ignore[method-assign]  # looks in between
    followed = Followed(stream, apply=taken.append)
    async with followed.running():
        await until(lambda: stream.applied[-1:] == [3])
    assert stream.applied[0] == 0
    assert all(said <= known for said, known in confirmed)


async def test_a_new_stream_confirms_nothing_of_an_earlier_one() -> None:
    first, second = Stream([Message(echo=0, number=7), LOST]), Stream([])
    followed = Followed(first, second)
    async with followed.running():
        await until(lambda: len(followed.opened) == 2 and bool(second.applied))
    assert second.applied[0] == 0


async def test_ticks_go_on_while_nothing_comes() -> None:
    followed = Followed(Stream([]))
    async with followed.running():
        await until(lambda: len(followed.opened) == 1 and len(followed.opened[0].ticks) >= 2)
        assert not followed.fresh
    assert followed.opened[0].cancelled
