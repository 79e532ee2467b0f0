"""Work is ended at its deadline, and a cancellation of somebody else's stays one."""

import asyncio

import pytest

from libs.rpc.deadline import DEFAULT, LONGEST, Deadline, seconds_for
from wardenry.errors.error import DeadlineExceeded


@pytest.mark.parametrize(("remaining", "seconds"), [(None, DEFAULT), (1.0, 1.0), (1e9, LONGEST), (-3.0, 0.0)])
def test_a_deadline_is_the_callers_within_bounds(remaining: float | None, seconds: float) -> None:
    assert seconds_for(remaining) == seconds


async def test_work_past_its_deadline_is_ended_and_the_task_goes_on() -> None:
    with pytest.raises(DeadlineExceeded), Deadline(0.0):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_work_that_is_done_in_time_is_left_alone() -> None:
    loop = asyncio.get_running_loop()
    with Deadline(0.0):
        pass
    after = asyncio.Event()
    loop.call_later(0.01, after.set)  # by then the deadline would have passed
    await after.wait()


async def test_an_error_of_the_work_is_its_own_though_time_is_up() -> None:
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise LookupError from None

    with pytest.raises(LookupError), Deadline(0.0):
        await work()


async def test_a_callers_cancellation_is_not_taken_for_the_deadline() -> None:
    begun = asyncio.Event()

    async def work(seconds: float) -> None:
        with Deadline(seconds):
            begun.set()
            await asyncio.Event().wait()

    for seconds in (LONGEST, 0.0):  # alone, and together with the deadline
        begun.clear()
        task = asyncio.ensure_future(work(seconds))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
