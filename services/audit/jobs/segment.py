"""Stores what a process that was killed, or an object store that was down, has left behind."""

import logging

from libs.db.errors import DatabaseUnavailable
from libs.events.patience import Patience
from libs.service.periodic import Periodic
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.segment import StoreSegments
from services.audit.domain.errors import ObjectsUnavailable, SegmentsAhead
from wardenry.clock import Clock

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0


class StoreWhatIsLeft:
    """Looks at the start, and every second. What the intake stores itself is not found here."""

    def __init__(self, *, segments: StoreSegments, checkpoints: SignCheckpoints, clock: Clock) -> None:
        self._segments = segments
        self._checkpoints = checkpoints
        self._patience = Patience(what="no event is taken in: checking segments", log=_log, clock=clock)
        self._periodic = Periodic(
            name="no checkpoint is released: storing segments",
            work=self._store,
            seconds=_EVERY_SECONDS,
            clock=clock,
            outages=(ObjectsUnavailable, SegmentsAhead),
        )

    async def checked(self) -> None:
        """Returns when the database knows every segment: else what is appended to it would have to be undone. Returns
        too when the object store does not answer, as entries are taken in without it, and nothing is released."""
        while True:
            try:
                await self._segments.check()
            except ObjectsUnavailable as error:
                _log.warning("segments were not checked: %s", error)
            except (SegmentsAhead, DatabaseUnavailable) as error:
                await self._patience.wait(error)
                continue
            self._patience.over()
            return

    async def run(self) -> None:
        """Until cancelled."""
        await self._periodic.run()

    async def _store(self) -> None:
        logs = await self._segments.store()
        if logs:
            await self._checkpoints.sign(logs)
