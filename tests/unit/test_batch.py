"""Micro-batches."""

import asyncio
from collections.abc import Sequence

import pytest

from libs.batch import Batch, BatchFull


class Work:
    """Doubles numbers, as slowly as it is told."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(items))
        self.begun.set()
        self.begun.set()
        await self.gate.wait()
        if 13 in items:
            raise OSError("the whole batch")
        return [ValueError(str(item)) if item < 0 else item * 2 for item in items]


async def test_calls_of_a_moment_go_together_and_each_gets_its_own_answer() -> None:
    work = Work()
    batch: Batch[int, int] = Batch(work=work, size=64, tick=0.001)
    assert await asyncio.gather(*map(batch.submit, range(10))) == [number * 2 for number in range(10)]
    assert len(work.batches) == 1


async def test_a_batch_has_its_size() -> None:
    work = Work()
    batch: Batch[int, int] = Batch(work=work, size=4, tick=0.001)
    assert await asyncio.gather(*map(batch.submit, range(20, 30))) == [number * 2 for number in range(20, 30)]
    assert [len(each) for each in work.batches] == [4, 4, 2]


async def test_what_comes_while_work_is_under_way_waits_for_its_own() -> None:
    work = Work()
    work.gate.clear()
    batch: Batch[int, int] = Batch(work=work, size=64, tick=0.0)
    first = asyncio.create_task(batch.submit(1))
    await work.begun.wait()
    second = asyncio.create_task(batch.submit(2))
    await asyncio.sleep(0.01)
    assert work.batches == [[1]]
    work.gate.set()
    assert [await first, await second] == [2, 4]
    assert work.batches == [[1], [2]]


async def _one_after_the_other(batch: Batch[int, int], numbers: Sequence[int]) -> list[int]:
    """Each comes in a turn of the loop of its own."""
    calls = []
    for number in numbers:
        calls.append(asyncio.ensure_future(batch.submit(number)))
        await asyncio.sleep(0)
    return await asyncio.gather(*calls)


async def test_a_batch_waits_on_while_calls_keep_coming_but_not_for_ever() -> None:
    numbers = range(20, 120)
    doubled = [number * 2 for number in numbers]
    sizes: dict[int, list[int]] = {}
    for ticks in (1, 8, 1000):
        work = Work()
        assert await _one_after_the_other(Batch(work=work, size=1000, tick=0.0, ticks=ticks), numbers) == doubled
        sizes[ticks] = [len(each) for each in work.batches]
    assert sizes[1000] == [100]
    assert len(sizes[1]) > len(sizes[8]) > 1


async def test_what_came_while_work_was_under_way_waits_for_those_that_come_with_it() -> None:
    work = Work()
    work.gate.clear()
    batch: Batch[int, int] = Batch(work=work, size=64, tick=0.0, ticks=1000)
    first = asyncio.create_task(batch.submit(1))
    await work.begun.wait()
    second = asyncio.create_task(batch.submit(2))
    await asyncio.sleep(0)
    work.gate.set()
    assert await _one_after_the_other(batch, range(3, 13)) == [number * 2 for number in range(3, 13)]
    assert [await first, await second] == [2, 4]
    assert work.batches == [[1], list(range(2, 13))]


async def test_a_batch_that_is_full_waits_for_no_more() -> None:
    work = Work()
    batch: Batch[int, int] = Batch(work=work, size=4, tick=0.0, ticks=1000)
    await _one_after_the_other(batch, range(20, 40))
    assert [len(each) for each in work.batches] == [4] * 5


async def test_an_error_is_its_submitters_alone_and_a_failed_batch_is_everybodys() -> None:
    batch: Batch[int, int] = Batch(work=Work(), size=64, tick=0.001)
    answers = await asyncio.gather(batch.submit(-1), batch.submit(3), return_exceptions=True)
    assert isinstance(answers[0], ValueError)
    assert answers[1] == 6
    answers = await asyncio.gather(batch.submit(13), batch.submit(3), return_exceptions=True)
    assert [type(each) for each in answers] == [OSError, OSError]


async def test_a_caller_that_goes_stops_nothing() -> None:
    work = Work()
    work.gate.clear()
    batch: Batch[int, int] = Batch(work=work, size=64, tick=0.0)
    gone = asyncio.create_task(batch.submit(1))
    stays = asyncio.create_task(batch.submit(2))
    await work.begun.wait()
    gone.cancel()
    work.gate.set()
    assert await stays == 4


async def test_more_than_can_be_served_are_turned_away() -> None:
    work = Work()
    work.gate.clear()
    batch: Batch[int, int] = Batch(work=work, size=1, tick=0.0, waiting=2)
    waiting = [asyncio.create_task(batch.submit(number)) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BatchFull):
        await batch.submit(9)
    work.gate.set()
    await asyncio.gather(*waiting)
