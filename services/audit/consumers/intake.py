"""Kafka in: events become entries, and what was committed is stored in a segment and signed."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from libs.db.errors import DatabaseUnavailable
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.errors import RecordRejected, TryLater
from libs.events.intake import Intake
from libs.events.record import Record
from libs.telemetry.observer import SILENT, Observer
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.intake import AppendEvents
from services.audit.commands.segment import StoreSegments
from services.audit.domain.errors import EventRefused, ObjectsUnavailable, TreeMoved
from services.audit.domain.ports import UnitOfWork
from services.audit.domain.segment import Appended
from wardenry.clock import Clock

_log = logging.getLogger(__name__)


class EventHandler:
    """Both halves of what libs.events asks of a consumer: what is new, and what came before."""

    def __init__(self, *, append: AppendEvents, within: Callable[[Transaction], UnitOfWork]) -> None:
        """`within` makes a unit of work over the transaction that moves the cursors."""
        self._append = append
        self._within = within

    def prepare(self, record: Record) -> None:
        """Before the records are taken in."""
        self._append.prepare(record)

    async def take(self, tx: Transaction, records: Sequence[Record]) -> None:
        await self.append(tx, records)

    async def append(self, tx: Transaction, records: Sequence[Record]) -> Sequence[Appended]:
        """The same, with what waits for a segment when it has committed."""
        try:
            return await self._append.append(self._within(tx), records)
        except EventRefused as error:
            raise RecordRejected(str(error)) from error
        except TreeMoved as error:
            raise TryLater from error

    async def compare(self, tx: Transaction, records: Sequence[Record]) -> Sequence[Record]:
        return await self._append.other_than_known(self._within(tx), records)


class SigningIntake(Intake):
    """An intake that, once entries are committed, has them stored in a segment and the heads of their logs signed.

    While the object store is down entries are taken in, and no checkpoint over them is released."""

    def __init__(
        self,
        *,
        database: Database,
        handler: EventHandler,
        segments: StoreSegments,
        checkpoints: SignCheckpoints,
        clock: Clock,
        observer: Observer = SILENT,
    ) -> None:
        super().__init__(
            database=database, handler=self._append, repeats=handler.compare, clock=clock, observer=observer
        )
        self._events = handler
        self._segments = segments
        self._checkpoints = checkpoints
        #: Of what was taken in last.
        self._release: asyncio.Task[None] | None = None

    async def take(self, records: Sequence[Record]) -> None:
        """Returns when the records are committed, and all before them stored and signed as far as that goes now: these
        follow while the next are taken in.

        Raises SegmentsAhead: on a database that was restored to an earlier point nothing may be built."""
        if self._release is not None and self._release.done():
            await self.released()
        await super().take(records)
        if records:
            await self.released()
            self._release = asyncio.create_task(self._store_and_sign({record.log for record in records}))

    def prepare(self, record: Record) -> None:
        self._events.prepare(record)

    async def released(self) -> None:
        """Returns when what was taken in is stored and signed, or jobs.segment has to see to it. Raises
        SegmentsAhead."""
        if self._release is not None:
            release, self._release = self._release, None
            await release

    async def end(self) -> None:
        """Nothing follows any more: whoever starts next makes up for what is left."""
        if self._release is not None:
            self._release.cancel()
            await asyncio.gather(self._release, return_exceptions=True)

    async def _append(self, tx: Transaction, records: Sequence[Record]) -> None:
        appended = await self._events.append(tx, records)
        tx.after_commit(lambda: self._segments.remember(appended))

    async def _store_and_sign(self, logs: Collection[UUID]) -> None:
        if not self._segments.available:
            # jobs.segment waits for the object store, and then does what would be done here.
            return
        try:
            await self._segments.store()
            await self._checkpoints.sign(logs)
        except (ObjectsUnavailable, DatabaseUnavailable) as error:
            # jobs.segment makes up for it, or the next batch.
            _log.warning("checkpoints were not released: %s", error)
