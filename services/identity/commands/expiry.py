"""What is of no use any more."""

from services.identity.domain.ports import Expiry
from wardenry.clock import Clock


class RemoveExpired:
    """Deletes spent and expired tickets, registrations, devices and old failures."""

    def __init__(self, *, expiry: Expiry, clock: Clock) -> None:
        self._expiry = expiry
        self._clock = clock

    async def __call__(self) -> int:
        """How many rows went."""
        return await self._expiry.remove_expired(now=self._clock.now())
