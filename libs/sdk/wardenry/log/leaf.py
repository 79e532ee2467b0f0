"""Leaves, read back: what an entry says, taken from the bytes that its hash is made of. docs/formats/leaf.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from wardenry.events.v1 import action_pb2, leaf_pb2

LEAF_VERSION = 1
MAX_LEAF_BYTES = 65_535
_UUID_BYTES = 16
_ID_BYTES = frozenset({0, _UUID_BYTES})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OUTCOMES = {action_pb2.OUTCOME_SUCCESS: "success", action_pb2.OUTCOME_FAILURE: "failure"}
_ACTOR_KINDS = {
    leaf_pb2.ACTOR_KIND_VISITOR: "visitor",
    leaf_pb2.ACTOR_KIND_SUBJECT: "subject",
    leaf_pb2.ACTOR_KIND_SERVICE: "service",
}


class LeafInvalid(ValueError):
    """The bytes are no leaf of a version that is known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What one entry says."""

    event_id: UUID
    log: UUID
    source: str
    action: str
    #: "success" or "failure".
    outcome: str
    #: To the nanosecond.
    occurred_at: Timestamp
    #: The same in UTC, cut to the microsecond.
    occurred: datetime
    #: "visitor", "subject" or "service".
    actor_kind: str
    actor_id: UUID | None
    session_id: UUID | None
    client: str
    #: A noun; empty without a target.
    target_kind: str
    #: A UUID, or a product's own id as text; empty without a target.
    target_id: str
    #: The subject acted on, if it was one.
    target_subject: UUID | None
    reason: str
    details: Mapping[str, str]
    #: The digest that binds each personal value, by (person, field), in the leaf's order.
    commitments: Mapping[tuple[str, str], bytes]

    def concerns(self, subject: UUID) -> bool:
        """Whether the subject acted or was acted on."""
        return subject in (self.actor_id, self.target_subject)

    def shown(self) -> dict[str, object]:
        """The fields as an export shows them: all of them, and nothing that is not in the leaf."""
        return {
            "action": self.action,
            "actor_id": str(self.actor_id or ""),
            "actor_kind": self.actor_kind,
            "client": self.client,
            "details": dict(self.details),
            "event_id": str(self.event_id),
            "occurred_at": self.occurred_at.ToJsonString(),
            "outcome": self.outcome,
            "reason": self.reason,
            "session_id": str(self.session_id or ""),
            "source": self.source,
            "target_id": self.target_id,
            "target_kind": self.target_kind,
        }


def parse_leaf(data: bytes) -> Leaf:
    """What the leaf says. Raises LeafInvalid."""
    leaf, _ = read_leaf(data)
    target = target_of(leaf)
    return Leaf(
        event_id=UUID(bytes=leaf.event),
        log=UUID(bytes=leaf.log),
        source=leaf.source,
        action=leaf.action,
        outcome=_OUTCOMES[leaf.outcome],
        occurred_at=leaf.occurred_at,
        occurred=occurred_of(leaf),
        actor_kind=_ACTOR_KINDS[leaf.actor.kind],
        actor_id=_uuid(leaf.actor.id),
        session_id=_uuid(leaf.actor.session),
        client=leaf.actor.client,
        target_kind=leaf.target.kind,
        target_id=str(_uuid(target) or leaf.target.id.decode(errors="backslashreplace")),
        target_subject=_uuid(target) if leaf.target.kind == "subject" else None,
        reason=leaf.reason,
        details=dict(leaf.details),
        commitments={(each.person, each.field): each.digest for each in leaf.commitments},
    )


def read_leaf(data: bytes) -> tuple[leaf_pb2.Leaf, Sequence[tuple[str, str]]]:
    """The leaf as a message, for who reads many and needs little of each: of a known version, with ids that are some,
    an outcome, an actor and one digest for a field; and (person, field) of each commitment. Raises LeafInvalid."""
    if len(data) > MAX_LEAF_BYTES:
        raise LeafInvalid(f"a leaf has at most {MAX_LEAF_BYTES} bytes")
    try:
        leaf = leaf_pb2.Leaf.FromString(data)
    except DecodeError:
        raise LeafInvalid("the bytes are no leaf") from None
    if leaf.version != LEAF_VERSION:
        raise LeafInvalid(f"a leaf of version {leaf.version} is not known here")
    commitments = [(each.person, each.field) for each in leaf.commitments]
    if len(commitments) > 1 and len(set(commitments)) != len(commitments):
        raise LeafInvalid("the leaf commits twice to one field")
    actor, event, log = leaf.actor, leaf.event, leaf.log
    if not _ID_BYTES.issuperset((len(event), len(log), len(actor.id), len(actor.session))):
        raise LeafInvalid(f"an id in the leaf has not {_UUID_BYTES} bytes")
    if not event or not log or leaf.outcome not in _OUTCOMES or actor.kind not in _ACTOR_KINDS:
        raise LeafInvalid("the leaf lacks its event, log, outcome or actor")
    return leaf, commitments


def occurred_of(leaf: leaf_pb2.Leaf) -> datetime:
    """When it happened, in UTC, cut to the microsecond. Raises LeafInvalid."""
    occurred_at = leaf.occurred_at
    seconds, nanoseconds = occurred_at.seconds, occurred_at.nanos
    try:
        if 0 <= nanoseconds < 1_000_000_000:
            return _EPOCH + timedelta(0, seconds, nanoseconds // 1000)
    except OverflowError:
        pass
    raise LeafInvalid("the leaf's time is none")


def target_of(leaf: leaf_pb2.Leaf) -> bytes:
    """The UUID of the target; empty where it has none."""
    target = leaf.target.id
    # A product's ids are texts in its own form, some of which have 16 bytes too.
    return target if len(target) == _UUID_BYTES and not leaf.action.startswith("record.") else b""


def _uuid(data: bytes) -> UUID | None:
    return UUID(bytes=data) if data else None
