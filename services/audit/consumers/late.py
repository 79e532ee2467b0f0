"""An operator's wish in: an event that was parked as failed enters its log."""

from collections.abc import Callable, Sequence

from libs.db.transaction import Transaction
from libs.events.errors import RecordRejected, TryLater
from libs.events.record import Record
from services.audit.commands.late import AppendLate
from services.audit.domain.errors import EventRefused, TreeMoved
from services.audit.domain.ports import UnitOfWork


class LateEvents:
    """What libs.events.retry asks of a consumer. What this appends jobs.segment stores in a segment and signs."""

    def __init__(
        self, *, append: AppendLate, within: Callable[[Transaction], UnitOfWork], begun: Callable[[], bool]
    ) -> None:
        """`begun` says whether events are taken in: on a database that was restored nothing may be appended."""
        self._append = append
        self._within = within
        self._begun = begun

    async def take(self, tx: Transaction, records: Sequence[Record]) -> None:
        if not self._begun():
            raise TryLater("audit takes nothing in yet, and its log says what it waits for")
        try:
            for record in records:
                await self._append.append(self._within(tx), record)
        except EventRefused as error:
            raise RecordRejected(str(error)) from error
        except TreeMoved:
            raise TryLater("the log has just grown") from None
