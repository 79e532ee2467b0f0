"""Finding what is wrong with a deployment."""

from services.operator.commands.status import SERVICES, LookAtStatus
from services.operator.domain import diagnosis
from services.operator.domain.clocks import judge_clocks
from services.operator.domain.diagnosis import Diagnosis, Examined, Severity
from services.operator.domain.ports import OwnFiles, Places, Tokens, Transport, Unseen
from services.operator.domain.queues import judge_backlogs, judge_parked
from services.operator.domain.status import Status


class Examine:
    """Every check, one after the other."""

    def __init__(
        self,
        *,
        look: LookAtStatus,
        places: Places,
        tokens: Tokens,
        transport: Transport,
        files: OwnFiles,
    ) -> None:
        self._look = look
        self._places = places
        self._tokens = tokens
        self._transport = transport
        self._files = files

    async def __call__(self) -> Examined:
        """What was looked at; everything that is wrong is in it."""
        status = await self._look()
        found = diagnosis.judge_parts(status.parts)
        found += self._certificates(status)
        found += self._told(status)
        found += await self._issued()
        found.append(self._log(status))
        found += await self._handshakes()
        found += diagnosis.judge_files(self._files.modes())
        return Examined(diagnoses=found, deserted=status.deserted)

    def _certificates(self, status: Status) -> list[Diagnosis]:
        presented = [
            (f"The certificate of {part.name}", part.presented.certificate)
            for part in status.parts
            if part.presented.certificate is not None
        ]
        missing = [part.name for part in status.parts if part.presented.certificate is None]
        certificates = [*presented, *self._files.certificates()]
        return diagnosis.judge_certificates(certificates, missing=missing, now=status.at)

    def _told(self, status: Status) -> list[Diagnosis]:
        told, missing = status.told, [service for service in SERVICES if service not in status.told]
        clocks = {service: each.clock for service, each in told.items()}
        return [
            *judge_clocks(status.gateway, clocks, missing=missing),
            *judge_backlogs(told, missing=missing),
            *judge_parked(told, missing=missing),
        ]

    async def _issued(self) -> list[Diagnosis]:
        try:
            issued = await self._tokens.issued()
        except Unseen as error:
            # A check that is left out would look as if it had found nothing.
            return [Diagnosis(check=check, severity=Severity.UNKNOWN, what=f"{error}.") for check in ("issuer", "keys")]
        return [
            diagnosis.judge_issuer(issued.issuer, gateway=self._places.gateway),
            diagnosis.judge_keys(issued.known, published=issued.published),
        ]

    def _log(self, status: Status) -> Diagnosis:
        if status.log is None:
            return Diagnosis(check="log", severity=Severity.UNKNOWN, what=f"Its checkpoint: {status.log_trouble}.")
        return diagnosis.judge_log(status.log, gateway=self._places.gateway)

    async def _handshakes(self) -> list[Diagnosis]:
        seen = await self._transport.handshakes()
        return diagnosis.judge_transport(seen.broken, seen.unknown, handshakes=seen.count)
