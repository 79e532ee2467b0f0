"""Recording what products say of their own data."""

from datetime import timedelta

from services.audit.commands.sealing import Sealings
from services.audit.domain.entry import CLOCK_SKEW
from services.audit.domain.errors import RecordExists
from services.audit.domain.events import recorded
from services.audit.domain.ports import UnitsOfWork
from services.audit.domain.record import OLDEST, ProductRecord, Recorder
from wardenry.clock import Clock

#: How far back the log is searched for an entry under the same id: further than the intake would find one.
_SEARCHED = OLDEST + CLOCK_SKEW + timedelta(hours=1)


class RecordProductEvent:
    """Puts a product's record on the way into its workspace's log, once."""

    def __init__(self, *, units: UnitsOfWork, sealings: Sealings, clock: Clock) -> None:
        self._units = units
        self._sealings = sealings
        self._clock = clock

    async def record(self, record: ProductRecord, recorder: Recorder) -> None:
        """Returns when it is certain to enter the log. Repeating it is harmless.

        Raises ActionNotAllowed, TimeOutOfRange, RecordExists, PersonErased, KeysUnavailable, EventInvalid.
        """
        now = self._clock.now()
        record.check(now)
        sealing = await self._sealings.of(record.client, subject=recorder.subject, workspace=recorder.workspace)
        digest = record.digest(recorder)
        async with self._units.begin([recorder.workspace]) as work:
            claimed = await work.receipts.claim(recorder.workspace, record.event_id, digest=digest, now=now)
            if claimed == digest:
                return
            key = (recorder.workspace, record.event_id)
            since, until = now - _SEARCHED, now + CLOCK_SKEW
            if claimed is not None or await work.entries.leaves([key], since=since, until=until):
                raise RecordExists
            event = recorded(record=record, recorder=recorder, occurred_at=record.occurred_at or now, sealing=sealing)
            await work.emit(event)
