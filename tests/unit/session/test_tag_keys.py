"""Keys of search tags: a vault that is away delays an event little, and whoever waits for one can be cancelled."""

import asyncio
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import pytest

from libs.crypto.vault import VaultClient
from services.session.clients.vault import VaultTagKeys
from tests.support.clock import HeldClock
from wardenry.identity.v1 import vault_pb2

LOG = UUID(int=1)
DAY = date(2026, 11, 22)
PAUSE = 5.0


@dataclass
class SlowVault:
    """The stub's shape. It answers once it is told to; `given_up` counts the calls that were not waited for."""

    answers: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    given_up: int = 0

    async def GetTagKeys(self, request: vault_pb2.GetTagKeysRequest, *, timeout: float) -> vault_pb2.GetTagKeysResponse:
        self.asked += 1
        self.begun.set()
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return vault_pb2.GetTagKeysResponse(keys=[bytes(32)])


def tag_keys(vault: SlowVault, clock: HeldClock) -> VaultTagKeys:
    return VaultTagKeys(
        vault=VaultClient(stub=vault, clock=clock),  # type: ignore[arg-type] # the stub's shape, not its type
        clock=clock,
    )


async def test_a_vault_that_does_not_answer_is_given_up_and_left_alone_for_a_while() -> None:
    vault, clock = SlowVault(), HeldClock()
    keys = tag_keys(vault, clock)
    assert await keys.key(LOG, DAY) is None
    assert (vault.asked, vault.given_up) == (1, 1)
    vault.answers.set()
    assert await keys.key(LOG, DAY) is None
    assert vault.asked == 1
    clock.advance(PAUSE)
    assert await keys.key(LOG, DAY) == bytes(32)
    assert await keys.key(LOG, DAY) == bytes(32)
    assert vault.asked == 2


@pytest.mark.parametrize("steps", range(6))
async def test_a_cancellation_counts_however_shortly_after_the_answer_it_comes(steps: int) -> None:
    vault = SlowVault()
    waiting = asyncio.create_task(tag_keys(vault, HeldClock()).key(LOG, DAY))
    await vault.begun.wait()
    vault.answers.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    taken = waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled() == taken
