"""Recording that a call was refused for want of a permission."""

import logging
from uuid import UUID

from libs.events.caller import Caller
from libs.events.event import Outcome
from libs.ids import Ids
from services.audit.commands.sealing import Sealings
from services.audit.domain.errors import KeysUnavailable, PersonErased
from services.audit.domain.events import PERMISSION_DENIED, Sealing, by_caller
from services.audit.domain.ports import UnitsOfWork
from wardenry.clock import Clock

_log = logging.getLogger(__name__)


class RecordDenial:
    """Writes `permission.denied` into the log of the caller's workspace."""

    def __init__(self, *, units: UnitsOfWork, sealings: Sealings, ids: Ids, clock: Clock) -> None:
        self._units = units
        self._sealings = sealings
        self._ids = ids
        self._clock = clock

    async def record(self, caller: Caller, *, log: UUID, rpc: str, permission: str) -> None:
        """The refusal stands whether or not the vault answers; without it the entry lacks the client's values."""
        try:
            sealing = await self._sealings.of(caller.client, subject=caller.subject, workspace=log)
        except (KeysUnavailable, PersonErased):
            _log.warning("a refusal is recorded without the client's values: no key")
            sealing = Sealing(reader_key=None, tags=None)
        event = by_caller(
            event_id=self._ids.uuid7(),
            action=PERMISSION_DENIED,
            occurred_at=self._clock.now(),
            log=log,
            caller=caller,
            sealing=sealing,
            details={"rpc": rpc, "permission": permission},
            outcome=Outcome.FAILURE,
        )
        async with self._units.begin([log]) as work:
            await work.emit(event)
