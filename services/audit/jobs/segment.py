"""Stores what a process that was killed, or an object store that was down, has left behind."""

import asyncio
import logging

from libs.db.errors import DatabaseUnavailable
from libs.events.patience import Patience
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.segment import StoreSegments
from services.audit.domain.errors import EntriesMissing, ObjectsUnavailable
from wardenry.clock import Clock

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0


class StoreWhatIsLeft:
    """Looks at the start, and every second. What the intake stores itself is not found here."""

    def __init__(self, *, segments: StoreSegments, checkpoints: SignCheckpoints, clock: Clock) -> None:
        self._segments = segments
        self._checkpoints = checkpoints
        self._patience = Patience(what="no checkpoint is released: storing segments", log=_log, clock=clock)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                logs = await self._segments.store()
                if logs:
                    await self._checkpoints.sign(logs)
                self._patience.over()
                await asyncio.sleep(_EVERY_SECONDS)
            except (ObjectsUnavailable, EntriesMissing, DatabaseUnavailable) as error:
                await self._patience.wait(error)
