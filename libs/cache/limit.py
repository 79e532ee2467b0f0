"""Rate limits: the generic cell rate algorithm (GCRA, ITU-T I.371), counted in Valkey by Valkey's own clock.

Fail mode: while the cache does not answer, each process counts for itself, by the same algorithm. A deployment of n
processes then lets through up to n times the rate, and says so in its log; it never stops counting.
"""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import RedisError

from libs.clock import Clock

_log = logging.getLogger(__name__)

#: Returns 0 when the call is within the rate, else how long to wait, in microseconds. One key holds the theoretical
#: arrival time of the next call; it expires when it says nothing any more.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = arrival - tolerance - now
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%d', arrival + interval), 'PX', math.ceil((arrival + interval - now) / 1000))
return 0
"""
#: Keys that a process counts by itself at most; the oldest go first.
_MOST_KEYS = 50_000
#: Seconds between two lines in the log about the same outage.
_REPORT_SECONDS = 10.0
#: Seconds for which the cache is not asked again after it failed, so that an outage does not delay every call.
_REST_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many calls in a period, and so many of them at once."""

    calls: int
    period: timedelta
    burst: int

    @property
    def interval(self) -> int:
        """Microseconds between calls at a steady rate."""
        return int(self.period.total_seconds() * 1_000_000) // self.calls

    @property
    def tolerance(self) -> int:
        """Microseconds by which calls may come early."""
        return self.interval * (self.burst - 1)


class RateLimit:
    """Counts calls by key against one rate."""

    def __init__(self, *, name: str, rate: Rate, client: Redis, clock: Clock) -> None:
        """`name` keeps the keys of different limits apart."""
        self._prefix = f"wardenry:limit:{len(name)}:{name}:"
        self._rate = rate
        self._client = client
        self._clock = clock
        self._script = client.register_script(_SCRIPT)
        self._own: OrderedDict[str, float] = OrderedDict()
        self._rests_until = self._reported_at = float("-inf")

    async def take(self, key: str) -> timedelta | None:
        """Counts one call: None within the rate, else how long to wait. A call that must wait is not counted."""
        if self._clock.monotonic() >= self._rests_until:
            try:
                arguments = [self._rate.interval, self._rate.tolerance]
                wait = await self._script(keys=[self._prefix + key], args=arguments)
                return timedelta(microseconds=int(wait)) if wait else None
            except (RedisError, OSError, TimeoutError) as error:
                self._note(error)
        return self._take_alone(key)

    def _take_alone(self, key: str) -> timedelta | None:
        now = self._clock.monotonic() * 1_000_000
        arrival = max(self._own.get(key, now), now)
        wait = arrival - self._rate.tolerance - now
        if wait > 0:
            return timedelta(microseconds=wait)
        self._own[key] = arrival + self._rate.interval
        self._own.move_to_end(key)
        if len(self._own) > _MOST_KEYS:
            self._own.popitem(last=False)
        return None

    def _note(self, error: Exception) -> None:
        now = self._clock.monotonic()
        self._rests_until = now + _REST_SECONDS
        if now - self._reported_at >= _REPORT_SECONDS:
            self._reported_at = now
            _log.warning("the cache does not answer (%s): this process counts by itself", type(error).__name__)
