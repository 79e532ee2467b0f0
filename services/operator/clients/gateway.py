"""The gateway over HTTPS, as anybody reaches it."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2

from services.operator.clients.deployment import Deployment
from services.operator.domain.status import Answer
from wardenry.clock import Clock

#: Seconds for an answer.
_PATIENCE = 3.0


class HttpGateway:
    def __init__(self, *, deployment: Deployment, clock: Clock) -> None:
        self._deployment = deployment
        self._clock = clock

    async def check(self) -> Answer:
        try:
            # The client's own limit is for each read: who sends a byte now and then would never reach it.
            async with (
                asyncio.timeout(2 * _PATIENCE),
                httpx2.AsyncClient(
                    base_url=self._deployment.gateway,
                    verify=self._deployment.edge_context(),
                    timeout=_PATIENCE,
                    trust_env=False,
                ) as client,
            ):
                # The first request makes the connection; the second one is timed.
                await client.get("/healthz")
                asked_at, began = self._clock.now(), self._clock.monotonic()
                answer = await client.get("/healthz")
                answered_at, latency = self._clock.now(), self._clock.monotonic() - began
        except (httpx2.HTTPError, TimeoutError) as error:
            return Answer(reachable=False, latency=None, trouble=f"no answer over HTTPS: {type(error).__name__}")
        if answer.status_code != httpx2.codes.OK:
            return Answer(reachable=False, latency=latency, trouble=f"it answers {answer.status_code} to GET /healthz")
        skew = skew_of(answer.headers.get("date", ""), asked_at=asked_at, answered_at=answered_at)
        return Answer(reachable=True, latency=latency, skew=skew)


def skew_of(header: str, *, asked_at: datetime, answered_at: datetime) -> timedelta | None:
    """By how much the clock that wrote the Date header (RFC 9110 section 6.6.1) is ahead of ours, at least: the header
    has whole seconds, and may have been written at any moment between the two. None for what is no date."""
    try:
        earliest = parsedate_to_datetime(header).astimezone(UTC)
        latest = earliest + timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    if earliest > answered_at:
        return earliest - answered_at
    return min(timedelta(0), latest - asked_at)
