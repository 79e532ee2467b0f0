"""The keys that checkpoints are signed with, one after the other."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.events.event import Actor, ActorKind, Event
from libs.ids import PLATFORM
from wardenry.log.note import VerifierKey

KEY_RETIRED = "log.key_retired"
RETIRED_DETAIL, SUCCESSOR_DETAIL = "retired", "successor"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointKey:
    """A key of this deployment's logs."""

    key: VerifierKey
    began_at: datetime
    #: Since when it signs nothing any more.
    ended_at: datetime | None = None
    #: The event of the platform log that says so.
    event_id: UUID | None = None


def key_retired(*, event_id: UUID, retired: VerifierKey, successor: VerifierKey, occurred_at: datetime) -> Event:
    """The platform log's event: what entered before it is of the retired key's time."""
    return Event(
        event_id=event_id,
        log=PLATFORM,
        action=KEY_RETIRED,
        occurred_at=occurred_at,
        actor=Actor(kind=ActorKind.SERVICE, client="audit"),
        details={RETIRED_DETAIL: str(retired), SUCCESSOR_DETAIL: str(successor)},
    )
