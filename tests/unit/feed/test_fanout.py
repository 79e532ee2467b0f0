"""The hand-out of reads: snapshot first, then what is new, under the echo of ticks that came before the read."""

import asyncio
from datetime import UTC, datetime

from libs.feed import fanout
from libs.feed.fanout import Fanout, Stream, Update
from wardenry.clock import SystemClock

NOW = datetime(2026, 11, 22, tzinfo=UTC)


async def first(stream: Stream[int]) -> Update[int]:
    async for update in stream:
        return update
    raise AssertionError("the stream has ended")


async def silent(stream: Stream[int]) -> bool:
    try:
        async with asyncio.timeout(0.05):
            await first(stream)
    except TimeoutError:
        return True
    return False


async def test_a_stream_begins_with_everything_and_goes_on_with_what_is_new() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    with streams.stream() as stream:
        assert streams.begin().needs_everything
        streams.begin().deliver(everything=[1, 2], new=[2], read_at=NOW)
        update = await first(stream)
        assert (update.snapshot, list(update.rows), update.complete) == (True, [1, 2], True)
        assert not streams.begin().needs_everything
        streams.begin().deliver(everything=[1, 2, 3], new=[3], read_at=NOW)
        update = await first(stream)
        assert (update.snapshot, list(update.rows), update.complete) == (False, [3], True)


async def test_an_empty_table_is_a_snapshot_too() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    with streams.stream() as stream:
        streams.begin().deliver(everything=[], new=[], read_at=NOW)
        update = await first(stream)
        assert (update.snapshot, list(update.rows), update.complete) == (True, [], True)


async def test_a_tick_that_arrives_during_the_read_is_not_echoed_by_it() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    with streams.stream() as stream:
        stream.arrived(7)
        read = streams.begin()
        stream.arrived(8)
        read.deliver(everything=[], new=[], read_at=NOW)
        assert (await first(stream)).echo == 7
        streams.begin().deliver(everything=[], new=[], read_at=NOW)
        assert (await first(stream)).echo == 8


async def test_a_stream_that_comes_during_the_read_waits_for_the_next_one() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    with streams.stream():
        read = streams.begin()
        with streams.stream() as late:
            read.deliver(everything=[1], new=[1], read_at=NOW)
            assert await silent(late)
            assert streams.begin().needs_everything


async def test_nothing_new_and_no_tick_is_not_told() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    with streams.stream() as stream:
        streams.begin().deliver(everything=[1], new=[], read_at=NOW)
        await first(stream)
        streams.begin().deliver(everything=[1], new=[], read_at=NOW)
        assert await silent(stream)


async def test_reads_that_were_not_fetched_become_one() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    with streams.stream() as stream:
        streams.begin().deliver(everything=[1], new=[], read_at=NOW)
        stream.arrived(5)
        streams.begin().deliver(everything=[1, 2], new=[2], read_at=NOW)
        update = await first(stream)
        assert (update.snapshot, list(update.rows), update.echo) == (True, [1, 2], 5)


async def test_a_large_read_is_cut_and_its_echo_comes_last() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    rows = list(range(fanout.MESSAGE_ROWS + 1))
    with streams.stream() as stream:
        stream.arrived(9)
        streams.begin().deliver(everything=rows, new=[], read_at=NOW)
        updates = []
        async for update in stream:
            updates.append(update)
            if update.complete:
                break
        assert [(u.snapshot, len(u.rows), u.echo, u.complete) for u in updates] == [
            (True, fanout.MESSAGE_ROWS, 0, False),
            (False, 1, 9, True),
        ]


async def test_a_client_that_does_not_read_loses_its_stream() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    with streams.stream() as stream:
        streams.begin().deliver(everything=[], new=[], read_at=NOW)
        streams.begin().deliver(everything=[], new=range(fanout.PENDING_ROWS + 1), read_at=NOW)
        assert [update async for update in stream] == []


async def test_closing_ends_every_stream() -> None:
    streams: Fanout[int] = Fanout(clock=SystemClock())
    with streams.stream() as one, streams.stream() as other:
        streams.close()
        assert [update async for update in one] == []
        assert [update async for update in other] == []
