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
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from libs.db.errors import DatabaseUnavailable
from libs.feed.fanout import Fanout, Round
from libs.feed.replica import Replicas
from wardenry.clock import Clock
from wardenry.lease import LONGEST

_log = logging.getLogger(__name__)

#: Seconds between two reads. With the way back it stays far below a lease (800 ms).
INTERVAL = 0.2
#: Seconds between two reads, however much there is to tell.
_BREATH = 0.02
#: Seconds after a commit, at the latest, when no lease counts on less: some more than a lease, as clocks' rates differ.
_OVER = LONGEST + 0.02
#: Seconds between looks at how far other processes' clients are.
_LOOK = 0.04
#: Seconds that a process is known for as one that serves the feed, of those that its row is good for.
_RENEWAL = 2.0
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
    snapshot: str
    #: Whether another process serves this feed too, as the same statement saw it.
    replicated: bool
    #: The database's time at which it began.
    read_at: datetime

    @property
    def horizon(self) -> int:
        """The snapshot's xmin: each transaction below had ended."""
        return int(self.snapshot.partition(":")[0])


class Source(Protocol[Row_co]):
    """The table."""

    async def read(self, since: int, *, replica: UUID) -> Batch[Row_co]:
        """The rows of transactions from `since` on (0: all of them), with snapshot and time, from one statement;
        `replica` is the process that asks.

        Raises DatabaseUnavailable.
        """
        ...


class OwnFeed(Protocol):
    """The feed of this process, for those who change what it tells."""

    def hurry(self) -> None:
        """To be called when a change has committed."""
        ...

    async def settled(self, transaction: int | None) -> None:
        """To be called when this transaction has committed: waits until no client judges by less than what it
        changed; None for all that has committed so far."""
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
        self._horizon = 0
        #: Rows of the last read that the next one will bring again: those from the horizon on.
        self._seen: frozenset[Row] = frozenset()
        self._renewed_at = float("-inf")
        self._replicated = True
        #: Who waits for the next read that begins.
        self._waiting: list[asyncio.Future[Round[Row]]] = []
        #: The last read that brought something while other processes served the feed, until they are told.
        self._untold: tuple[Round[Row], str] | None = None
        self._telling = asyncio.Event()

    async def run(self) -> None:
        """Reads until cancelled. While the database does not answer nothing is sent, and the leases run out."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_on())
            group.create_task(self._tell_others())

    async def _read_on(self) -> None:
        reported = -_REPORT
        while True:
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

    async def settled(self, transaction: int | None) -> None:
        """To be called when this transaction, of this process, has committed: waits until no client judges by less than
        what it changed, whichever process it follows. None stands for all that has committed so far, whoever did it.

        Never waits longer than a lease lasts, whatever fails: a client that has not confirmed by then has none.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_OVER):
                await (await self._next_round()).known()
                while self._replicated and await self._are_others_behind(transaction):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(_LOOK)

    async def _next_round(self) -> Round[Row]:
        coming: asyncio.Future[Round[Row]] = asyncio.get_running_loop().create_future()
        self._waiting.append(coming)
        self.hurry()
        return await coming

    async def _are_others_behind(self, transaction: int | None) -> bool:
        # They tell how far they are when there was something to tell: of what is unknown nobody can say.
        if transaction is None:
            return True
        try:
            return await self._replicas.are_behind(transaction)
        except DatabaseUnavailable:
            return True

    async def _tell_others(self) -> None:
        while True:
            await self._telling.wait()
            self._telling.clear()
            if self._untold is None:
                continue
            (told, snapshot), self._untold = self._untold, None
            with suppress(TimeoutError):
                async with asyncio.timeout(_OVER):
                    await told.known()
            # When the database does not answer now, the others wait as long as a lease lasts.
            with suppress(DatabaseUnavailable):
                await self._replicas.know(snapshot)

    async def _rest(self, seconds: float) -> None:
        await asyncio.sleep(_BREATH)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - _BREATH):
                await self._due.wait()

    async def read(self) -> None:
        """One read. Raises DatabaseUnavailable; the next read then begins where this one did."""
        began = self._clock.monotonic()
        now = self._fanout.begin()
        if began - self._renewed_at >= _RENEWAL:
            await self._replicas.renew()
            self._renewed_at = began
        waiting, self._waiting = self._waiting, []
        try:
            batch = await self._source.read(0 if now.needs_everything else self._horizon, replica=self._replicas.own)
        except BaseException:
            self._waiting += waiting
            raise
        if batch.horizon < self._horizon:
            # On one database xmin never goes back: this is another one, restored or promoted with less in it.
            self._horizon, self._seen = 0, frozenset()
            self._fanout.close()
            return
        new = [row for row in batch.rows if row.transaction >= self._horizon and row not in self._seen]
        self._horizon = batch.horizon
        self._seen = frozenset(row for row in batch.rows if row.transaction >= batch.horizon)
        now.deliver(everything=batch.rows, new=new, read_at=batch.read_at)
        self._replicated = batch.replicated
        if new and batch.replicated:
            self._untold = now, batch.snapshot
            self._telling.set()
        for each in waiting:
            if not each.done():
                each.set_result(now)
