"""What has expired goes."""

import asyncio
import logging
from typing import Final

from libs.db.errors import DatabaseUnavailable
from libs.events.patience import Patience
from services.identity.commands.expiry import RemoveExpired
from wardenry.clock import Clock

#: Seconds between rounds.
_PAUSE: Final = 60.0
_log = logging.getLogger(__name__)


class ExpiryJob:
    def __init__(self, *, remove: RemoveExpired, clock: Clock) -> None:
        self._remove = remove
        self._patience = Patience(what="expiry", log=_log, clock=clock)

    async def run(self) -> None:
        """Removes until cancelled."""
        while True:
            try:
                await self._remove.run()
                self._patience.over()
            except DatabaseUnavailable as error:
                await self._patience.wait(error)
                continue
            except Exception as error:
                # Whatever one round met: the next one may not.
                _log.exception("%s: a round failed", __name__)
                await self._patience.wait(error)
                continue
            await asyncio.sleep(_PAUSE)
