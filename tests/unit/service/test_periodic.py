"""Work that is done again and again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from libs.service.periodic import Periodic
from wardenry.clock import SystemClock


class Away(Exception):
    """What the work needs is down."""


@asynccontextmanager
async def running(
    work: Callable[[], Awaitable[object]], *, seconds: float, outages: tuple[type[Exception], ...] = ()
) -> AsyncIterator[Periodic]:
    periodic = Periodic(name="trying", work=work, seconds=seconds, clock=SystemClock(), outages=outages)
    task = asyncio.create_task(periodic.run())
    try:
        yield periodic
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_it_works_at_the_start_and_again() -> None:
    rounds: asyncio.Queue[None] = asyncio.Queue()
    async with running(lambda: rounds.put(None), seconds=0.01):
        for _ in range(3):
            async with asyncio.timeout(60):
                await rounds.get()


async def test_it_does_not_wait_for_its_time_once_it_is_woken() -> None:
    rounds: asyncio.Queue[None] = asyncio.Queue()
    async with running(lambda: rounds.put(None), seconds=3600) as periodic:
        async with asyncio.timeout(60):
            await rounds.get()
        periodic.wake()
        async with asyncio.timeout(60):
            await rounds.get()
        await asyncio.sleep(0.05)
        assert rounds.empty()


@pytest.mark.parametrize(("error", "told"), [(Away("nobody answers"), []), (ArithmeticError("a defect"), ["ERROR"])])
async def test_what_fails_is_tried_again_and_a_defect_is_told(
    error: Exception, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    failures = [error]
    done = asyncio.Event()

    async def work() -> None:
        if failures:
            raise failures.pop()
        done.set()

    with caplog.at_level(logging.ERROR, logger="libs.service.periodic"):
        async with running(work, seconds=3600, outages=(Away,)):
            async with asyncio.timeout(60):
                await done.wait()
    assert [record.levelname for record in caplog.records] == told
