"""Follows a table of changes, so that nothing that commits late is missed.

Neither identifiers nor times tell what is new: a transaction may take its number first and commit last. So each row
carries the id of its transaction (`pg_current_xact_id()`, an xid8), and each read begins at the xmin of the snapshot
before it: every transaction below that had ended then, and whatever it wrote was seen.

Who takes something away acknowledges it when no client judges by less any more (docs/adr/0023): each client confirms
what it was told, and the processes that serve the same feed tell one another how far theirs are. Nobody waits longer
than a lease lasts, for what was read before the commit is then good for nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from libs.db.errors import DatabaseUnavailable
from libs.feed.announcement import Known
from libs.feed.fanout import Fanout, Round
from libs.feed.replica import Replicas
from libs.feed.snapshot import Snapshot
from wardenry.clock import Clock
from wardenry.lease import OVER

_log = logging.getLogger(__name__)

#: Seconds between two reads. With the way back it stays far below a lease (800 ms).
INTERVAL = 0.2
#: Seconds between two reads, however much there is to tell.
_BREATH = 0.02
#: Seconds between reads while other processes' clients are waited for.
_LOOK = 0.04
#: Seconds that a process is known for as one that serves the feed, of those that its row is good for.
_RENEWAL = 2.0
#: Seconds for the last word of a process that stops.
_FAREWELL = 1.0
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
    #: `pg_current_snapshot()` of the same statement.
    snapshot: Snapshot
    #: Of each other process that serves this feed, as the same statement saw it: what all its clients know.
    others: Sequence[Snapshot]
    #: The database's time at which it began.
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Generic[Row]):
    """A read that was handed out."""

    round: Round[Row]
    snapshot: Snapshot
    others: Sequence[Snapshot]
    #: Whether it brought something new.
    news: bool
    #: How often another database had taken this one's place.
    database: int
    #: Who waits for it to be known.
    waiting: Sequence[Known]


class Source(Protocol[Row_co]):
    """The table."""

    async def read(self, since: int, *, replica: UUID) -> Batch[Row_co]:
        """The rows of transactions from `since` on (0: all of them), with snapshot and time, from one statement;
        `replica` is the process that asks.

        Raises DatabaseUnavailable.
        """
        ...


class FeedReader(Generic[Row]):
    """The one reader of a process: hands each read to all of its streams."""

    def __init__(
        self,
        *,
        source: Source[Row],
        fanout: Fanout[Row],
        replicas: Replicas,
        clock: Clock,
        interval: float = INTERVAL,
    ) -> None:
        self._source = source
        self._fanout = fanout
        self._replicas = replicas
        self._clock = clock
        self._interval = interval
        self._due = asyncio.Event()
        self._database = 0
        self._horizon = 0
        #: Rows of the last read that the next one will bring again: those from the horizon on.
        self._seen: frozenset[Row] = frozenset()
        #: When they were read, and the transactions of the rows that were new, of as long as a lease may count on less.
        self._brought: deque[tuple[float, frozenset[int]]] = deque()
        self._renewed_at = float("-inf")
        #: Who waits for the next read that begins.
        self._waiting: list[Known] = []

    async def run(self) -> None:
        """Reads until cancelled. While the database does not answer nothing is sent, and the leases run out."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._read_on(group)
        finally:
            with suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._replicas.leave()

    async def _read_on(self, group: asyncio.TaskGroup) -> None:
        reported = -_REPORT
        while True:
            began = self._clock.monotonic()
            self._due.clear()
            try:
                delivered = await self.read()
                if delivered and (delivered.waiting or (delivered.news and delivered.others)):
                    group.create_task(self._conclude(delivered))
            except DatabaseUnavailable as error:
                if began - reported >= _REPORT:
                    reported = began
                    _log.warning("the feed waits for the database: %s", error)
            await self._rest(self._interval - (self._clock.monotonic() - began))

    async def _conclude(self, delivered: Delivered[Row]) -> None:
        """Tells whoever waits for it, here and elsewhere, that our clients know the read."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OVER):
                await delivered.round.known()
        for each in delivered.waiting:
            if not each.done():
                each.set_result(delivered.others)
        # To another database the snapshot says nothing. And when it does not answer, the others wait for the leases.
        if delivered.news and delivered.others and delivered.database == self._database:
            with suppress(DatabaseUnavailable):
                await self._replicas.know(delivered.snapshot.text)

    def hurry(self) -> Known:
        """Has the next read begin now: this process has committed a change. Those of others come with the interval."""
        known: Known = asyncio.get_running_loop().create_future()
        self._waiting.append(known)
        self._due.set()
        return known

    async def settled(self, transaction: int | None, known: Known) -> None:
        """As OwnFeed has it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OVER):
                others = await known
                awaited = self._recent() if transaction is None else {transaction}
                while not all(each.sees(transaction) for each in others for transaction in awaited):
                    await asyncio.sleep(_LOOK)
                    others = await self.hurry()

    def _recent(self) -> frozenset[int]:
        """What a lease may not know yet: the transactions of the rows that were read since the oldest began."""
        since = self._clock.monotonic() - OVER
        while self._brought and self._brought[0][0] < since:
            self._brought.popleft()
        return frozenset().union(*(transactions for _, transactions in self._brought))

    async def _rest(self, seconds: float) -> None:
        await asyncio.sleep(_BREATH)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - _BREATH):
                await self._due.wait()

    async def read(self) -> Delivered[Row] | None:
        """One read, handed out; None when that was not possible. Raises DatabaseUnavailable; the next read then begins
        where this one did."""
        began = self._clock.monotonic()
        now = self._fanout.begin()
        if began - self._renewed_at >= _RENEWAL:
            await self._replicas.renew()
            self._renewed_at = began
        # Who comes later may have committed what this read does not see.
        waiting, self._waiting = self._waiting, []
        try:
            batch = await self._source.read(0 if now.needs_everything else self._horizon, replica=self._replicas.own)
        except BaseException:
            self._waiting += waiting
            raise
        if batch.snapshot.xmin < self._horizon:
            # On one database xmin never goes back: this is another one, restored or promoted with less in it.
            self._database += 1
            self._horizon, self._seen = 0, frozenset()
            self._fanout.close()
            await self._replicas.forget()
            return None
        new = [row for row in batch.rows if row.transaction >= self._horizon and row not in self._seen]
        self._horizon = batch.snapshot.xmin
        self._seen = frozenset(row for row in batch.rows if row.transaction >= self._horizon)
        now.deliver(everything=batch.rows, new=new, read_at=batch.read_at)
        if new:
            self._recent()
            self._brought.append((self._clock.monotonic(), frozenset(row.transaction for row in new)))
        return Delivered(
            round=now,
            snapshot=batch.snapshot,
            others=batch.others,
            news=bool(new),
            database=self._database,
            waiting=waiting,
        )
