"""Telling the broker how far was read, when somebody ends the consumer at that moment."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from libs.events.consumer import _Offsets

PARTITION = TopicPartition("wardenry.identity.v1", 0)


class Broker:
    """Answers a commit when it is told to."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        await self.answer


@pytest.mark.parametrize("turns", range(4))
async def test_an_end_that_comes_with_the_answer_is_not_forgotten(turns: int) -> None:
    """A consumer that forgot it would go on, and its process would not end."""
    broker: Any = Broker()
    offsets = _Offsets(consumer=broker, intake=broker)
    offsets.done({PARTITION: 7})

    async def reading() -> None:
        await offsets.commit()
        await asyncio.Event().wait()

    task = asyncio.create_task(reading())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    broker.answer.set_result(None)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()
