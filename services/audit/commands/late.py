"""Taking an event into its log that failed to enter when it came, after what came later."""

from datetime import timedelta

from libs.events.record import Record
from libs.ids import PLATFORM
from services.audit.commands.intake import AppendEvents
from services.audit.domain.errors import EventRefused
from services.audit.domain.ports import UnitOfWork
from wardenry.log.anchor import ANCHOR_ACTION
from wardenry.log.leaf import parse_leaf

#: By how much the clocks of audit's processes may differ.
_CLOCKS = timedelta(minutes=1)


class AppendLate:
    """Appends at the end, as ever: the log's order is that of its entries, whatever the times in them. What it holds
    already is passed over."""

    def __init__(self, *, append: AppendEvents) -> None:
        self._append = append

    async def append(self, work: UnitOfWork, record: Record) -> None:
        """In the caller's transaction, of which nothing may stand after an error. Raises EventRefused, TreeMoved."""
        if record.action == ANCHOR_ACTION and await self._retired_since(work, record):
            # Whose head it is cannot be told here. One of the retired key would stand after that key's end, where
            # every verifier takes it for a forgery; without it the head is unproven, and no more.
            raise EventRefused("a key of the logs was retired since: a head that enters now would count as forged")
        await self._append.append(work, [record], late=True)

    async def _retired_since(self, work: UnitOfWork, record: Record) -> bool:
        """Whether the platform log says so. While it does not, nothing is too late."""
        ends = [each.event_id for each in await work.keys.all() if each.event_id is not None]
        places = await work.entries.places(PLATFORM, ends)
        return any(parse_leaf(leaf).occurred > record.occurred_at - _CLOCKS for _, leaf in places.values())
