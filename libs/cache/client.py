"""One client of Valkey or Redis for a process, with a deadline that is ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

#: No answer of a cache is worth waiting longer for.
DEADLINE = timedelta(milliseconds=100)


@asynccontextmanager
async def open_client(url: str) -> AsyncIterator[Redis]:
    """A client of `url` (redis:// or rediss://). It connects when first used, so the cache may be down.

    Its own retries are off: they would turn a deadline of a tenth of a second into nine.
    """
    client = Redis.from_url(
        url,
        socket_timeout=DEADLINE.total_seconds(),
        socket_connect_timeout=DEADLINE.total_seconds(),
        retry=Retry(NoBackoff(), 0),
        max_connections=100,
    )
    try:
        yield client
    finally:
        await client.aclose()
