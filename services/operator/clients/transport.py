"""Handshakes, as the prober of control E1 makes them."""

from libs.controls.probes import e1_transport
from services.operator.clients.deployment import Deployment
from services.operator.domain.ports import Handshakes
from wardenry.clock import Clock


class ProbedTransport:
    def __init__(self, *, deployment: Deployment, clock: Clock) -> None:
        self._deployment = deployment
        self._clock = clock

    async def handshakes(self) -> Handshakes:
        examined = await e1_transport.probe(self._deployment, clock=self._clock)
        return Handshakes(
            count=examined.figures.get(e1_transport.HANDSHAKES, 0),
            broken=[(finding.where, finding.what) for finding in examined.findings],
            unknown=examined.unknown,
        )
