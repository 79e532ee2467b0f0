"""Sends the heads of logs that have grown to the platform log, at every tick."""

import asyncio
import logging
from datetime import timedelta

from libs.db.errors import DatabaseUnavailable
from libs.db.pool import Database
from libs.ids import PLATFORM
from services.audit.commands.anchor import AnchorHeads

_log = logging.getLogger(__name__)

#: Heads in one transaction: their trees are locked for as long as it takes.
_BATCH = 200
_GROWN = "SELECT log_id FROM tree_head WHERE anchored < size AND log_id <> $1 ORDER BY log_id"


class AnchorGrownLogs:
    """Finds the logs under the jobs role, which sees their sizes alone. Several processes may do it at once: each head
    is sent by one of them."""

    def __init__(self, *, jobs: Database, anchoring: AnchorHeads, interval: timedelta) -> None:
        self._jobs = jobs
        self._anchoring = anchoring
        self._interval = interval

    async def anchor(self) -> int:
        """All that have grown, now; answers how many heads were sent. Raises DatabaseUnavailable."""
        grown = [row["log_id"] for row in await self._jobs.fetch(_GROWN, PLATFORM)]
        sent = 0
        for start in range(0, len(grown), _BATCH):
            sent += await self._anchoring.anchor(grown[start : start + _BATCH])
        return sent

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._interval.total_seconds())
            try:
                await self.anchor()
            except DatabaseUnavailable as error:
                _log.warning("heads were not sent to the platform log, at the next tick they are: %s", error)
