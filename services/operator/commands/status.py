"""Looking at every part of the deployment at once."""

import asyncio

from services.operator.domain.ports import HealthChecks
from services.operator.domain.status import Status

#: The gRPC services, in the order in which they are shown.
SERVICES = ("identity", "session", "tenancy", "audit", "datarights")


class LookAtStatus:
    def __init__(self, *, health: HealthChecks) -> None:
        self._health = health

    async def __call__(self) -> Status:
        """How everything is now."""
        return Status(services=await asyncio.gather(*(self._health.check(service) for service in SERVICES)))
