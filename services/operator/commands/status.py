"""Looking at every part of the deployment at once."""

import asyncio

from services.operator.domain.ports import Certificates, Gateway, HealthChecks, Places, PlatformLog, Tellers, Unseen
from services.operator.domain.status import Health, LogHead, LogUnreadable, Part, Status
from services.operator.domain.told import Told
from wardenry.clock import Clock

#: The gRPC services, in the order in which they are shown.
SERVICES = ("identity", "session", "tenancy", "audit", "datarights")
GATEWAY = "gateway"


class LookAtStatus:
    def __init__(
        self,
        *,
        places: Places,
        health: HealthChecks,
        certificates: Certificates,
        gateway: Gateway,
        log: PlatformLog,
        tellers: Tellers,
        clock: Clock,
    ) -> None:
        self._places = places
        self._health = health
        self._certificates = certificates
        self._gateway = gateway
        self._log = log
        self._tellers = tellers
        self._clock = clock

    async def __call__(self) -> Status:
        """How everything is now."""
        at = self._clock.now()
        # Asked before the handshakes, which would delay the answers on their way back to us.
        health = await asyncio.gather(*(self._health.check(service) for service in SERVICES))
        told = await asyncio.gather(
            *(self._told(service, said) for service, said in zip(SERVICES, health, strict=True))
        )
        answer = await self._gateway.check()
        presented = await asyncio.gather(
            *(self._certificates.of_service(service) for service in SERVICES), self._certificates.of_gateway()
        )
        parts = [
            Part(
                name=service,
                address=self._places.address(service),
                health=said,
                presented=shown,
                told=own,
                untold=untold,
            )
            for service, said, shown, (own, untold) in zip(SERVICES, health, presented, told, strict=False)
        ]
        parts.append(
            Part(
                name=GATEWAY,
                address=self._places.gateway,
                health=Health(
                    reachable=answer.reachable, ready=answer.reachable, latency=answer.latency, trouble=answer.trouble
                ),
                presented=presented[-1],
            )
        )
        head, trouble = await self._head()
        return Status(at=at, parts=parts, gateway=answer, log=head, log_trouble=trouble)

    async def _told(self, service: str, health: Health) -> tuple[Told | None, str]:
        """What it tells, or why not. One that does not answer is not asked again."""
        if not health.reachable:
            return None, ""
        try:
            return await self._tellers.of(service), ""
        except Unseen as error:
            return None, str(error)

    async def _head(self) -> tuple[LogHead | None, str]:
        try:
            return await self._log.head(), ""
        except LogUnreadable as error:
            return None, str(error)
