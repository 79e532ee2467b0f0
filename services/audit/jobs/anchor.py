"""Sends the heads of logs that have grown to the platform log, at every tick."""

from datetime import timedelta

from libs.db.pool import Database
from libs.ids import PLATFORM
from libs.service.periodic import Periodic
from services.audit.commands.anchor import AnchorHeads
from wardenry.clock import Clock

#: Heads in one transaction: their trees are locked for as long as it takes.
_BATCH = 200
#: At random: logs of one transaction stand together in the platform log, and should have nothing else in common.
_GROWN = "SELECT log_id FROM tree_head WHERE anchored < size AND log_id <> $1 ORDER BY random()"


class AnchorGrownLogs:
    """Finds the logs under the jobs role, which sees their sizes alone. Several processes may do it at once: each head
    is sent by one of them."""

    def __init__(self, *, jobs: Database, anchoring: AnchorHeads, interval: timedelta, clock: Clock) -> None:
        self._jobs = jobs
        self._anchoring = anchoring
        self._interval = interval
        self._clock = clock

    async def anchor(self) -> int:
        """All that have grown, now; answers how many heads were sent. Raises DatabaseUnavailable."""
        grown = [row["log_id"] for row in await self._jobs.fetch(_GROWN, PLATFORM)]
        sent = 0
        for start in range(0, len(grown), _BATCH):
            sent += await self._anchoring.anchor(grown[start : start + _BATCH])
        return sent

    async def run(self) -> None:
        """Until cancelled."""
        await Periodic(
            name="heads for the platform log",
            work=self.anchor,
            seconds=self._interval.total_seconds(),
            clock=self._clock,
        ).run()
