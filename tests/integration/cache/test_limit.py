"""Rate limits on a real Valkey, and without it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from libs.cache.client import open_client
from libs.cache.limit import PAUSE, Rate, RateLimit
from tests.support.clock import HeldClock
from tests.support.ports import free_port
from tests.support.valkey import ValkeyForTests
from wardenry.clock import SystemClock

#: So slow that nothing is forgotten while a test runs, however busy the machine.
THREE = Rate(calls=3, period=timedelta(hours=1), burst=3)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Valkey that is there is waited for, however busy the machine."""
    monkeypatch.setattr("libs.cache.client.DEADLINE", 60.0)


@pytest.fixture
async def client(valkey: ValkeyForTests, patience: None) -> AsyncIterator[Redis]:
    async with open_client(valkey.url) as client:
        yield client


def limit_of(client: Redis, rate: Rate = THREE, *, name: str = "sign-in") -> RateLimit:
    return RateLimit(name=name, rate=rate, client=client, clock=SystemClock())


async def test_a_burst_passes_and_the_next_waits_its_interval(client: Redis) -> None:
    limit = limit_of(client)
    assert [await limit.take("a") for _ in range(3)] == [None] * 3
    wait = await limit.take("a")
    assert wait is not None
    assert timedelta(minutes=19) < wait <= timedelta(minutes=20)
    assert await limit.take("b") is None


async def test_who_waits_as_long_as_told_passes(client: Redis) -> None:
    limit = limit_of(client, Rate(calls=10, period=timedelta(seconds=1)))
    while (wait := await limit.take("a")) is None:
        pass
    assert wait <= timedelta(seconds=0.1)
    await asyncio.sleep(wait.total_seconds())
    assert await limit.take("a") is None


async def test_parallel_calls_are_each_counted(client: Redis) -> None:
    limits = [limit_of(client) for _ in range(4)]
    waits = await asyncio.gather(*(limits[number % 4].take("a") for number in range(24)))
    assert waits.count(None) == 3


async def test_calls_that_come_together_share_a_connection_however_many(client: Redis) -> None:
    limit = limit_of(client)
    await limit.take("first")
    before = await _connections(client)
    keys = [f"{number // 4}" for number in range(200)]
    waits = await asyncio.gather(*map(limit.take, keys))
    assert [wait is None for wait in waits] == [number % 4 < 3 for number in range(200)]
    # Also where there are more of them than are asked for together.
    assert await _connections(client) - before <= 1


async def test_those_that_valkey_has_no_time_for_are_counted_by_the_process(client: Redis) -> None:
    limit = limit_of(client)
    waits = await asyncio.gather(*(limit.take("a") for _ in range(5_000)))
    # Three by Valkey, and three of the last ones, which found hundreds waiting.
    assert waits.count(None) == 6


async def _connections(client: Redis) -> int:
    """How many Valkey has ever taken."""
    taken: int = (await client.info("stats"))["total_connections_received"]
    return taken


async def test_a_script_that_valkey_has_forgotten_is_given_again(client: Redis) -> None:
    limit = limit_of(client)
    await limit.take("a")
    await client.script_flush()
    waits = await asyncio.gather(*(limit.take("a") for _ in range(4)))
    assert waits.count(None) == 2
    assert await limit_of(client).take("a") is not None, "Valkey has counted, not the process"


async def test_limits_and_keys_do_not_mix(client: Redis) -> None:
    one, other = limit_of(client, name="ab"), limit_of(client, name="a")
    for key in ("c", "bc", "", "x" * 300, "\x00", "ü"):
        for _ in range(3):
            assert await one.take(key) is None
            assert await other.take(key) is None


async def test_what_is_counted_is_forgotten_by_itself_and_names_nobody(client: Redis) -> None:
    limit = limit_of(client, Rate(calls=10, period=timedelta(minutes=1)))
    await limit.take("203.0.113.9")
    (key,) = await client.keys()
    assert b"203.0.113.9" not in key
    # Milliseconds: an interval, after which it would pass again.
    assert 0 < await client.pttl(key) <= 6_000


async def test_without_valkey_each_process_counts_for_itself_and_does_not_wait_for_it() -> None:
    asked = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()  # until the client leaves
        writer.close()

    clock, port = HeldClock(), free_port()
    server = await asyncio.start_server(silent, "127.0.0.1", port)
    async with server, open_client(f"redis://127.0.0.1:{port}/0") as client:
        limit = RateLimit(name="sign-in", rate=THREE, client=client, clock=clock)
        waits = [await limit.take("a") for _ in range(50)]
        assert waits[:3] == [None] * 3
        assert None not in waits[3:]
        assert await limit.take("b") is None
        # The first call waited for it, and nobody else.
        assert asked == 1
        clock.advance(20 * 60)
        assert await limit.take("a") is None
        assert asked == 2


async def test_a_valkey_that_is_slow_holds_up_nobody_for_long(
    valkey: ValkeyForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its answers comes in time, and a hundred of them do not."""
    monkeypatch.setattr("libs.cache.client.DEADLINE", 1.0)
    kept: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
        """Line by line; each answer that a call may pass comes after so many seconds."""
        try:
            while line := await reader.readline():
                if line == b":0\r\n":
                    await asyncio.sleep(seconds)
                writer.write(line)
        finally:
            writer.close()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_client, to_valkey = await asyncio.open_connection("127.0.0.1", there)
        kept.add(asyncio.create_task(pass_on(to_client, writer, 0.4)))
        kept.add(asyncio.create_task(pass_on(reader, to_valkey, 0)))

    there, here = urlsplit(valkey.url).port, free_port()
    server = await asyncio.start_server(proxy, "127.0.0.1", here)
    async with server, open_client(valkey.url.replace(f":{there}/", f":{here}/")) as client:
        limit = limit_of(client)
        assert await limit.take("first") is None
        async with asyncio.timeout(30):  # the first batch would take 38
            waits = await asyncio.gather(*(limit.take(f"{number // 4}") for number in range(600)))
        assert waits.count(None) >= 450
        assert len(await client.keys()) > 32, "it was asked"
    for task in kept:
        task.cancel()
    await asyncio.gather(*kept, return_exceptions=True)


async def test_a_closed_port_is_no_error() -> None:
    async with open_client(f"redis://127.0.0.1:{free_port()}/0") as client:
        limit = RateLimit(name="sign-in", rate=THREE, client=client, clock=HeldClock())
        assert [await limit.take("a") is None for _ in range(4)] == [True, True, True, False]


async def test_valkey_is_asked_again_after_a_pause(valkey: ValkeyForTests, patience: None) -> None:
    clock = HeldClock()
    key = str(uuid4())
    async with open_client(valkey.url) as client:
        limit = RateLimit(name="sign-in", rate=THREE, client=client, clock=clock)
        valkey.stop()
        assert await limit.take(key) is None
        valkey.start()
        clock.advance(PAUSE)
        for _ in range(3):
            assert await limit.take(key) is None
        assert await limit.take(key) is not None
        assert await client.keys() != []


def test_a_quarter_of_a_minutes_calls_may_come_at_once() -> None:
    assert Rate.a_minute(8) == Rate(calls=8, period=timedelta(minutes=1), burst=2)
    assert Rate.a_minute(1).burst == 1


@pytest.mark.parametrize("rate", [{"calls": 0}, {"calls": 1, "burst": 0}, {"calls": 1, "period": timedelta()}])
def test_a_rate_that_lets_nothing_or_all_pass_is_none(rate: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one call"):
        Rate(**{"period": timedelta(seconds=1), **rate})  # type: ignore[arg-type] # the point of the test
