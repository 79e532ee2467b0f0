"""Kafka in: events become entries, and what was committed is stored in a segment and signed."""

import logging
from collections.abc import Callable, Sequence

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
from wardenry.clock import Clock

_log = logging.getLogger(__name__)


class EventHandler:
    """Both halves of what libs.events asks of a consumer: what is new, and what came before."""

    def __init__(self, *, append: AppendEvents, within: Callable[[Transaction], UnitOfWork]) -> None:
        """`within` makes a unit of work over the transaction that moves the cursors."""
        self._append = append
        self._within = within

    async def take(self, tx: Transaction, records: Sequence[Record]) -> None:
        try:
            await self._append.append(self._within(tx), records)
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
            database=database, handler=handler.take, repeats=handler.compare, clock=clock, observer=observer
        )
        self._segments = segments
        self._checkpoints = checkpoints

    async def take(self, records: Sequence[Record]) -> None:
        """Raises SegmentsAhead: on a database that was restored to an earlier point nothing may be built."""
        await super().take(records)
        logs = {record.log for record in records}
        if not logs:
            return
        if not self._segments.available:
            # jobs.segment waits for the object store, and then does what would be done here.
            return
        try:
            await self._segments.store()
            await self._checkpoints.sign(logs)
        except (ObjectsUnavailable, DatabaseUnavailable) as error:
            # jobs.segment makes up for it, or the next batch.
            _log.warning("checkpoints were not released: %s", error)
