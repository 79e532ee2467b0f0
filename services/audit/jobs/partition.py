"""Makes the months in which entries will be recorded, well before they begin."""

import asyncio
import logging
from datetime import date, timedelta

from libs.db.errors import DatabaseUnavailable
from libs.db.pool import Database
from libs.service.periodic import Periodic
from wardenry.clock import Clock

_log = logging.getLogger(__name__)
#: Events whose month is not there wait for it: a clock may have jumped.
_EVERY_SECONDS = 60.0
_RETRY_SECONDS = 5.0
_AHEAD = 3


class MakeMonths:
    """Works under the jobs role: once at the start, then every minute."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def make(self) -> None:
        """This month and the next three. Raises DatabaseUnavailable."""
        for month in months_from(self._clock.now().date(), _AHEAD + 1):
            await self._database.fetch("SELECT make_month($1)", month)

    async def made(self) -> None:
        """Returns when they are made; waits while the database is down."""
        while True:
            try:
                await self.make()
                return
            except DatabaseUnavailable as error:
                _log.warning("months were not made, trying again: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def run(self) -> None:
        """Until cancelled."""
        await Periodic(name="months", work=self.make, seconds=_EVERY_SECONDS, clock=self._clock).run()


def months_from(day: date, count: int) -> list[date]:
    """The first days of `count` months, beginning with the one of `day`."""
    months = [day.replace(day=1)]
    while len(months) < count:
        months.append((months[-1] + timedelta(days=31)).replace(day=1))
    return months
