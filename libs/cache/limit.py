"""Rate limits: the generic cell rate algorithm (GCRA), on the time of the Valkey server.

Fail mode: while Valkey does not answer or is slow, and what comes while hundreds wait for it, each process counts for
itself, by its own clock and with the same rate. So several processes together let through up to their number times the
rate, once more what Valkey still counts, and none lets through everything.

Calls that come together, or while Valkey is asked, are asked for in one pipeline: each by itself takes several times
the CPU, and more connections at once than there are.
"""

import asyncio
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from libs.batch import Batch, BatchFull
from libs.cache import client as cache
from libs.recent import Recent
from libs.telemetry.redaction import summary
from wardenry.clock import Clock
from wardenry.framing import frame

#: Keys that a process counts for itself at most; the one longest unused makes room.
LOCAL_KEYS = 20_000
#: Seconds for which Valkey is not asked again after it failed to answer, or was slow to.
PAUSE = 1.0
#: Answers that asking takes at most: of connecting, of a script that was forgotten, of loading it, and the one wanted.
_ANSWERS = 4
_MICROSECONDS = 1_000_000

#: Calls that are asked for together.
_TOGETHER = 128
#: Calls that wait to be asked for.
_WAITING = 4 * _TOGETHER

#: One key, as a cluster's nodes have different ones; ARGV: interval and tolerance, microseconds.
#: Answers 0, or how long to wait, microseconds.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = due + interval - tolerance - now
if wait > 0 then
    return wait
end
redis.call('SET', KEYS[1], string.format('%.0f', due + interval), 'PX', math.ceil((due + interval - now) / 1000))
return 0
"""
_DIGEST = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_log = structlog.stdlib.get_logger("libs.cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many calls in a period, evenly; and so many of them may come at once."""

    calls: int
    period: timedelta
    burst: int = 1

    def __post_init__(self) -> None:
        if self.calls < 1 or self.burst < 1 or self.period <= timedelta():
            raise ValueError("a rate has at least one call in a period, and one at once")

    @classmethod
    def a_minute(cls, calls: int) -> Self:
        """So many calls a minute, a quarter of them at once: who opens a page asks for several things together."""
        return cls(calls=calls, period=timedelta(minutes=1), burst=max(1, calls // 4))

    @property
    def interval(self) -> float:
        """Seconds from one call to the next."""
        return self.period.total_seconds() / self.calls


class RateLimit:
    """One limit: counts calls by key."""

    def __init__(self, *, name: str, rate: Rate, client: Redis, clock: Clock) -> None:
        self._name = name
        self._rate = rate
        self._clock = clock
        self._client = client
        self._batch: Batch[str, timedelta | None] = Batch(work=self._take, size=_TOGETHER, waiting=_WAITING)
        self._own = _OwnCount(rate=rate)
        self._asked_again_at = float("-inf")

    async def take(self, key: str) -> timedelta | None:
        """Count a call. None when it is within the rate; else how long to wait, and then it is not counted.

        Never raises for want of Valkey; see the module on what it does then.
        """
        try:
            return await self._batch.submit(key)
        except BatchFull:
            return self._own.take(key, now=self._clock.monotonic())

    async def _take(self, keys: Sequence[str]) -> Sequence[timedelta | None]:
        now = self._clock.monotonic()
        if now < self._asked_again_at:
            return [self._own.take(key, now=now) for key in keys]
        error: Exception | None = None
        waits: Sequence[timedelta | None] = ()
        try:
            # redis-py's own time is for each answer: a hundred slow ones would hold up everybody for that long each.
            async with asyncio.timeout(_ANSWERS * cache.DEADLINE):
                waits = [_duration(wait / _MICROSECONDS) for wait in await self._waits(keys)]
        except (RedisError, OSError, TimeoutError) as caught:
            error = caught
        took = self._clock.monotonic() - now
        if error or took > cache.DEADLINE:
            # Those who came meanwhile do not wait as long once more.
            self._asked_again_at = now + took + PAUSE
            _log.warning("limit.counted_by_process", limit=self._name, error=summary(error) if error else "slow")
        return [self._own.take(key, now=now + took) for key in keys] if error else waits

    async def _waits(self, keys: Sequence[str]) -> Sequence[int]:
        """Microseconds for each. Raises RedisError, OSError, TimeoutError."""
        names, arguments = [self._key(key) for key in keys], self._arguments()
        try:
            return await self._asked(names, arguments)
        except NoScriptError:
            # Was it forgotten in between, the calls before count twice: that errs on the side of the limit.
            await self._client.script_load(_SCRIPT)
            return await self._asked(names, arguments)

    async def _asked(self, names: Sequence[str], arguments: Sequence[int]) -> Sequence[int]:
        if len(names) == 1:
            return [await self._client.evalsha(_DIGEST, 1, names[0], *arguments)]
        async with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.evalsha(_DIGEST, 1, name, *arguments)
            waits: Sequence[int] = await pipeline.execute()
            return waits

    def _key(self, key: str) -> str:
        # Keys may be addresses of people, of any length and content: the digest is neither.
        digest = hashlib.sha256(frame(self._name.encode(), key.encode("utf-8", "surrogatepass"))).hexdigest()
        return f"wardenry:limit:{digest[:40]}"

    def _arguments(self) -> list[int]:
        interval = max(1, round(self._rate.interval * _MICROSECONDS))
        return [interval, interval * self._rate.burst]


class _OwnCount:
    """The same algorithm in this process."""

    def __init__(self, *, rate: Rate) -> None:
        self._interval = rate.interval
        self._tolerance = rate.interval * rate.burst
        self._due: Recent[str, float] = Recent(LOCAL_KEYS)

    def take(self, key: str, *, now: float) -> timedelta | None:
        due = max(self._due.get(key) or now, now) + self._interval
        if (wait := due - self._tolerance - now) > 0:
            return _duration(wait)
        self._due.put(key, due)
        return None


def _duration(seconds: float) -> timedelta | None:
    """None for no time; else rounded up to the millisecond, so that who waits exactly so long is not told to wait
    again."""
    return timedelta(milliseconds=math.ceil(seconds * 1000)) if seconds > 0 else None
