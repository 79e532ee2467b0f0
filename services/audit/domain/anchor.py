"""Anchors: heads of logs on their way into the platform log, and proofs that they are there."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.events.event import Actor, ActorKind, Event
from libs.ids import PLATFORM
from services.audit.domain.log import InclusionProof, SignedCheckpoint
from wardenry.log.anchor import ANCHOR_ACTION, HEAD_DETAIL, NONCE_BYTES

#: Bytes of randomness that blind one head.
NONCE = NONCE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadAnchor:
    """A checkpoint that was sent to the platform log."""

    log: UUID
    size: int
    #: The event under which it enters the platform log.
    event_id: UUID
    nonce: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorProof:
    """That a checkpoint of a log is in the platform log."""

    nonce: bytes
    checkpoint: SignedCheckpoint
    #: The platform log's entry.
    leaf: bytes
    #: That it is in the platform log's checkpoint.
    inclusion: InclusionProof


def head_anchored(*, event_id: UUID, head: bytes, occurred_at: datetime) -> Event:
    """The platform log's event: a blinded head, and nothing that tells whose it is."""
    return Event(
        event_id=event_id,
        log=PLATFORM,
        action=ANCHOR_ACTION,
        occurred_at=occurred_at,
        actor=Actor(kind=ActorKind.SERVICE, client="audit"),
        details={HEAD_DETAIL: head.hex()},
    )
