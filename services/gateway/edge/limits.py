"""How often one client address may knock, before anything else is asked."""

from datetime import timedelta
from typing import Protocol

from libs.cache.network import network_of
from services.gateway.edge.problem import Problem


class RateLimit(Protocol):
    """Counts calls against a rate."""

    async def take(self, key: str) -> timedelta | None:
        """None when the call is within the rate; else how long to wait. Fails open only where its fail mode says so."""
        ...


class EdgeLimits:
    """Two classes: what checks a guessable secret or sends mail, and everything else."""

    def __init__(self, *, authentication: RateLimit, standard: RateLimit) -> None:
        self._authentication = authentication
        self._standard = standard

    async def take(self, address: str, *, authentication: bool) -> None:
        """Raises `Problem` 429 when `address` asks too often."""
        wait = await (self._authentication if authentication else self._standard).take(network_of(address))
        if wait is not None:
            raise Problem(429, "RATE_LIMITED", "Too many requests. Try again later.", retry_after=wait)
