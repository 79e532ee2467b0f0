"""The platform's log of what operators had taken in again."""

from collections.abc import Mapping

from libs.db.transaction import Transaction
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Actor, ActorKind, Event, Target
from libs.events.record import Record
from libs.ids import PLATFORM, Ids
from libs.outbox.emit import emit
from wardenry.clock import Clock

RETRY_REQUESTED = "retry.requested"
EVENT_RETRIED = "event.retried"


class EmittedRetries:
    """A libs.events.retry.RetryLog in the consumer's own outbox. It names events and services; neither the workspace of
    an event nor what it says, which the platform's readers are not to see."""

    def __init__(self, *, consumer: str, envelopes: EnvelopeBuilder, ids: Ids, clock: Clock) -> None:
        self._consumer = consumer
        self._envelopes = envelopes
        self._ids = ids
        self._clock = clock

    async def requested(self, tx: Transaction, *, by: str, sources: Mapping[str, int]) -> None:
        details = {source: str(records) for source, records in sources.items()}
        details["records"] = str(sum(sources.values()))
        await self._emit(tx, RETRY_REQUESTED, by, None, details)

    async def taken(self, tx: Transaction, *, by: str, record: Record) -> None:
        await self._emit(tx, EVENT_RETRIED, by, Target(kind="event", id=record.event_id), {"source": record.source})

    async def _emit(
        self, tx: Transaction, action: str, by: str, target: Target | None, details: Mapping[str, str]
    ) -> None:
        event = Event(
            event_id=self._ids.uuid7(),
            log=PLATFORM,
            action=action,
            occurred_at=self._clock.now(),
            actor=Actor(kind=ActorKind.SERVICE, client=by),
            target=target,
            details={**details, "consumer": self._consumer},
        )
        await emit(tx, event, envelopes=self._envelopes)
