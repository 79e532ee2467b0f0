"""What the operator's use cases need of the outside. Clients fulfil it; each docstring is the contract."""

from typing import Protocol

from services.operator.domain.status import Health


class HealthChecks(Protocol):
    async def check(self, service: str) -> Health:
        """How the gRPC service of that name is. One that does not answer is an answer too; nothing is raised."""
        ...
