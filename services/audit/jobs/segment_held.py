"""Takes logs up again that were held back and are whole by now."""

from libs.service.periodic import Periodic
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.segment_held import ReturnHeldLogs
from services.audit.domain.errors import ObjectsUnavailable, SegmentsAhead
from wardenry.clock import Clock

_EVERY_SECONDS = 10.0


class ReturnWholeLogs:
    """Looks at the start, and every ten seconds; each look that finds a damaged one says so."""

    def __init__(self, *, held: ReturnHeldLogs, checkpoints: SignCheckpoints, clock: Clock) -> None:
        self._held = held
        self._checkpoints = checkpoints
        self._periodic = Periodic(
            name="looking at logs that are held back",
            work=self._look,
            seconds=_EVERY_SECONDS,
            clock=clock,
            outages=(ObjectsUnavailable, SegmentsAhead),
        )

    async def run(self) -> None:
        """Until cancelled."""
        await self._periodic.run()

    async def _look(self) -> None:
        logs = await self._held.look()
        if logs:
            await self._checkpoints.sign(logs)
