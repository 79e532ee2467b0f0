"""Stores what a process that was killed, or an object store that was down, has left behind."""

from libs.service.periodic import Periodic
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.segment import StoreSegments
from services.audit.domain.errors import EntriesMissing, ObjectsUnavailable
from wardenry.clock import Clock

_EVERY_SECONDS = 1.0


class StoreWhatIsLeft:
    """Looks at the start, and every second. What the intake stores itself is not found here."""

    def __init__(self, *, segments: StoreSegments, checkpoints: SignCheckpoints, clock: Clock) -> None:
        self._segments = segments
        self._checkpoints = checkpoints
        self._periodic = Periodic(
            name="no checkpoint is released: storing segments",
            work=self._store,
            seconds=_EVERY_SECONDS,
            clock=clock,
            outages=(ObjectsUnavailable, EntriesMissing),
        )

    async def run(self) -> None:
        """Until cancelled."""
        await self._periodic.run()

    async def _store(self) -> None:
        logs = await self._segments.store()
        if logs:
            await self._checkpoints.sign(logs)
