"""How the parts of a deployment are."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What one service answers about itself."""

    service: str
    address: str
    #: Whether a connection was made and the health service answered.
    reachable: bool
    #: Whether what the service needs is there; false too for one that is not reachable.
    ready: bool
    #: Seconds from the question to the answer, the connection made before; None without an answer.
    latency: float | None
    #: Why it is not reachable, in words; empty otherwise.
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    services: Sequence[Health]

    @property
    def well(self) -> bool:
        """Whether nothing is left to do."""
        return all(health.ready for health in self.services)
