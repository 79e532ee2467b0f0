"""Makes the key that the service was given the logs' present one, at the start."""

import logging

from libs.db.errors import DatabaseUnavailable
from libs.events.patience import Patience
from services.audit.commands.key import RenewKey
from wardenry.clock import Clock

_log = logging.getLogger(__name__)


class SettleKey:
    """Waits for the database. What was done when it went away is gone on with."""

    def __init__(self, *, renewing: RenewKey, clock: Clock) -> None:
        self._renewing = renewing
        self._patience = Patience(what="no checkpoint is signed: settling the key", log=_log, clock=clock)

    async def settled(self) -> None:
        """Returns when the key is the present one. Raises KeyRefused."""
        while True:
            try:
                await self._renewing.settle()
            except DatabaseUnavailable as error:
                await self._patience.wait(error)
                continue
            self._patience.over()
            return
