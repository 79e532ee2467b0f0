"""Follows a table of changes, so that nothing that commits late is missed.

Neither identifiers nor times tell what is new: a transaction may take its number first and commit last. So each row
carries the id of its transaction (`pg_current_xact_id()`, an xid8), and each read begins at the xmin of the snapshot
before it: every transaction below that had ended then, and whatever it wrote was seen.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from libs.db.errors import DatabaseUnavailable
from libs.feed.fanout import Fanout
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

#: Seconds between two reads. With the way back it stays far below a lease (800 ms).
INTERVAL = 0.2
#: Seconds between two reads, however much there is to tell.
_BREATH = 0.02
#: Seconds between lines in the log while the database does not answer.
_REPORT = 10.0


class Change(Protocol):
    """A row of the table: an immutable, hashable value."""

    @property
    def transaction(self) -> int:
        """The id of the transaction that wrote it."""
        ...


Row = TypeVar("Row", bound=Change)
Row_co = TypeVar("Row_co", bound=Change, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[Row_co]):
    """What one statement saw."""

    rows: Sequence[Row_co]
    #: `pg_snapshot_xmin(pg_current_snapshot())` of the same statement.
    horizon: int
    #: The database's time at which it began.
    read_at: datetime


class Source(Protocol[Row_co]):
    """The table."""

    async def read(self, since: int) -> Batch[Row_co]:
        """The rows of transactions from `since` on (0: all of them), with horizon and time, from one statement.

        Raises DatabaseUnavailable.
        """
        ...


class FeedReader(Generic[Row]):
    """The one reader of a process: reads while there are streams, and hands each read to all of them."""

    def __init__(self, *, source: Source[Row], fanout: Fanout[Row], clock: Clock, interval: float = INTERVAL) -> None:
        self._source = source
        self._fanout = fanout
        self._clock = clock
        self._interval = interval
        self._due = asyncio.Event()
        self._horizon = 0
        #: Rows of the last read that the next one will bring again: those from the horizon on.
        self._seen: frozenset[Row] = frozenset()

    async def run(self) -> None:
        """Reads until cancelled. While the database does not answer nothing is sent, and the leases run out."""
        reported = -_REPORT
        while True:
            await self._fanout.occupied()
            began = self._clock.monotonic()
            self._due.clear()
            try:
                await self.read()
            except DatabaseUnavailable as error:
                if began - reported >= _REPORT:
                    reported = began
                    _log.warning("the feed waits for the database: %s", error)
            await self._rest(self._interval - (self._clock.monotonic() - began))

    def hurry(self) -> None:
        """Has the next read begin now: this process has committed a change. Those of others come with the interval."""
        self._due.set()

    async def _rest(self, seconds: float) -> None:
        await asyncio.sleep(_BREATH)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - _BREATH):
                await self._due.wait()

    async def read(self) -> None:
        """One read. Raises DatabaseUnavailable; the next read then begins where this one did."""
        now = self._fanout.begin()
        batch = await self._source.read(0 if now.needs_everything else self._horizon)
        if batch.horizon < self._horizon:
            # On one database xmin never goes back: this is another one, restored or promoted with less in it.
            self._horizon, self._seen = 0, frozenset()
            self._fanout.close()
            return
        new = [row for row in batch.rows if row.transaction >= self._horizon and row not in self._seen]
        self._horizon = batch.horizon
        self._seen = frozenset(row for row in batch.rows if row.transaction >= batch.horizon)
        now.deliver(everything=batch.rows, new=new, read_at=batch.read_at)
