"""The connection to Valkey (or Redis): one client per process, no retries behind the caller's back.

What is kept there is never the only copy of anything; whoever uses it says what happens while it is away.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

#: Seconds for one answer, and for connecting. redis-py's own retries would turn it into many times that; it counts anew
#: for each answer of a pipeline.
DEADLINE = 0.25
#: Connections of one process at most.
CONNECTIONS = 32


@asynccontextmanager
async def open_client(url: str) -> AsyncIterator[Redis]:
    """A client of `url` (redis:// or rediss://), closed at the end of the block. Connects when first used.

    Its commands raise redis.exceptions.RedisError or TimeoutError. Raises ValueError for a URL of another form.
    """
    client: Redis = Redis.from_url(
        url,
        socket_timeout=DEADLINE,
        socket_connect_timeout=DEADLINE,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        max_connections=CONNECTIONS,
        health_check_interval=0,
        decode_responses=False,
    )
    try:
        yield client
    finally:
        await client.aclose()
