"""Who has confirmed what: numbers of messages, and the moment at which a read is known to all."""

import asyncio
from datetime import UTC, datetime

from libs.feed import fanout
from libs.feed.fanout import Fanout, Round, Stream, Update
from tests.support.clock import HeldClock
from wardenry.lease import LONGEST

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Streams:
    """A fan-out under a clock that stands still."""

    def __init__(self) -> None:
        self.clock = HeldClock()
        self.fanout: Fanout[int] = Fanout(clock=self.clock)

    def read(self, *new: int) -> Round[int]:
        """A read that brings these rows."""
        read = self.fanout.begin()
        read.deliver(everything=new, new=new, read_at=NOW)
        return read

    async def is_known(self, read: Round[int]) -> bool:
        try:
            async with asyncio.timeout(0.02):
                await read.known()
        except TimeoutError:
            return False
        return True


async def message(stream: Stream[int]) -> Update[int]:
    async for update in stream:
        return update
    raise AssertionError("the stream has ended")


async def test_messages_that_tell_something_are_numbered_and_others_are_not() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        numbers = []
        for tick, rows in enumerate([(), (1,), (), (2, 3)], start=1):
            stream.arrived(tick)
            streams.read(*rows)
            numbers.append((await message(stream)).number)
        assert numbers == [1, 2, 0, 3]


async def test_reads_that_were_not_fetched_are_confirmed_by_the_last_number() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        streams.read()
        streams.read(1)
        streams.read(2)
        assert (await message(stream)).number == 3


async def test_the_last_part_of_a_large_read_has_the_number() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        streams.read(*range(fanout.MESSAGE_ROWS + 1))
        updates = aiter(stream)
        assert [(await anext(updates)).number, (await anext(updates)).number] == [0, 1]


async def test_a_read_is_known_when_everybody_has_confirmed_all_that_came_before() -> None:
    streams = Streams()
    with streams.fanout.stream() as one, streams.fanout.stream() as other:
        for stream in (one, other):
            stream.arrived(1)
        streams.read()
        earlier = streams.read(1)
        # It brings nothing, and is not known before what the earlier one brought.
        later = streams.read()
        one.arrived(2, applied=2)
        assert not await streams.is_known(earlier)
        assert not await streams.is_known(later)
        other.arrived(2, applied=1)
        assert not await streams.is_known(later)
        other.arrived(3, applied=2)
        assert await streams.is_known(earlier)
        assert await streams.is_known(later)


async def test_a_number_that_was_not_given_confirms_nothing() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        stream.arrived(1)
        streams.read()
        read = streams.read(1)
        stream.arrived(2, applied=2**64 - 1)
        assert not await streams.is_known(read)
        stream.arrived(3, applied=2)
        assert await streams.is_known(read)


async def test_who_waits_for_its_snapshot_has_no_lease_to_wait_for() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        stream.arrived(1)
        assert await streams.is_known(streams.read(1))


async def test_who_has_sent_no_tick_for_a_lease_is_not_waited_for() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        stream.arrived(1)
        streams.read()
        streams.clock.advance(LONGEST - 0.01)
        assert not await streams.is_known(streams.read(1))
        streams.clock.advance(0.01)
        assert await streams.is_known(streams.read(2))


async def test_who_has_gone_is_waited_for_until_its_lease_is_over() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        stream.arrived(1)
        streams.read()
        during = streams.read(1)
    assert not await streams.is_known(during)
    assert not await streams.is_known(streams.read(2))
    streams.clock.advance(LONGEST)
    assert await streams.is_known(during)
    assert await streams.is_known(streams.read(3))


async def test_who_has_gone_before_its_snapshot_leaves_no_lease() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        stream.arrived(1)
    assert await streams.is_known(streams.read(1))


async def test_who_falls_too_far_behind_is_waited_for_until_its_lease_is_over() -> None:
    streams = Streams()
    with streams.fanout.stream() as stream:
        stream.arrived(1)
        streams.read()
        read = streams.read(*range(fanout.PENDING_ROWS + 1))
        assert not await streams.is_known(read)
    assert not await streams.is_known(read)
    streams.clock.advance(LONGEST)
    assert await streams.is_known(read)
