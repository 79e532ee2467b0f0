"""Freezing an event into its envelope, and opening one again. docs/formats/leaf.md is the specification."""

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import protovalidate
from google.protobuf.message import DecodeError

from libs.crypto.hpke import ReaderPrivateKey, open_with, seal_to
from libs.events import event as events
from libs.ids import Entropy
from wardenry.events.v1 import action_pb2, envelope_pb2, leaf_pb2
from wardenry.log.commitment import FIELD_SALT_BYTES, CommitmentMismatch, check_commitment, commit

LEAF_VERSION = 1
_LEAF_SALT_BYTES = 16
_SEALED_VALUES_INFO = b"wardenry sealed values v1"
_PRODUCT_ACTION = re.compile(r"record\.[a-z][a-z0-9_.]*")
_ACTOR_KINDS = {
    events.ActorKind.VISITOR: leaf_pb2.ACTOR_KIND_VISITOR,
    events.ActorKind.SUBJECT: leaf_pb2.ACTOR_KIND_SUBJECT,
    events.ActorKind.SERVICE: leaf_pb2.ACTOR_KIND_SERVICE,
}
_OUTCOMES = {
    events.Outcome.SUCCESS: action_pb2.OUTCOME_SUCCESS,
    events.Outcome.FAILURE: action_pb2.OUTCOME_FAILURE,
}


class EventInvalid(Exception):
    """The event cannot enter a log: a field is missing, too long or of the wrong form. It is the producer's mistake."""


class OpenedValue(NamedTuple):
    """A personal value with the salt that its commitment was made with."""

    salt: bytes
    value: str


class EnvelopeBuilder:
    """Builds the envelopes of one source."""

    def __init__(self, *, source: str, entropy: Entropy) -> None:
        """`source` is the service's mutual-TLS name."""
        self._source = source
        self._entropy = entropy
        self._actions = action_names()

    def build(self, event: events.Event) -> bytes:
        """A serialised wardenry.events.v1.Envelope, whose leaf is final.

        Building one event twice gives two leaves: salts are drawn anew, so build once and store the bytes.
        Raises EventInvalid, KeyInvalid for a reader key that is none.
        """
        if event.action not in self._actions and not _PRODUCT_ACTION.fullmatch(event.action):
            raise EventInvalid(f"no action {event.action!r} is listed")
        persons = [(person, self._salted(person)) for person in event.personal]
        if len({person.role for person, _ in persons}) != len(persons):
            raise EventInvalid("one person's values come in one part")
        leaf = self._leaf(event, persons)
        _check(leaf)
        frozen = leaf.SerializeToString(deterministic=True)
        envelope = envelope_pb2.Envelope(
            leaf=frozen,
            sealed=[_sealed(person, values, frozen) for person, values in persons if values],
            tags=_tags(event.tags),
        )
        _set_payload(envelope, event.payload)
        _check(envelope)
        return envelope.SerializeToString(deterministic=True)

    def _salted(self, person: events.PersonalValues) -> dict[str, OpenedValue]:
        return {
            field: OpenedValue(self._entropy.bytes(FIELD_SALT_BYTES), events.recordable(value))
            for field, value in sorted(person.values.items())
            if value
        }

    def _leaf(
        self, event: events.Event, persons: list[tuple[events.PersonalValues, dict[str, OpenedValue]]]
    ) -> leaf_pb2.Leaf:
        if event.occurred_at.utcoffset() != timedelta(0):
            raise EventInvalid("the time of an event is in UTC")
        leaf = leaf_pb2.Leaf(
            version=LEAF_VERSION,
            event=event.event_id.bytes,
            log=event.log.bytes,
            source=self._source,
            action=event.action,
            outcome=_OUTCOMES[event.outcome],
            actor=leaf_pb2.Actor(
                kind=_ACTOR_KINDS[event.actor.kind],
                id=_id_bytes(event.actor.id),
                session=_id_bytes(event.actor.session),
                client=event.actor.client,
            ),
            target=leaf_pb2.Target(kind=event.target.kind, id=_id_bytes(event.target.id)) if event.target else None,
            reason=event.reason,
            details=event.details,
            salt=self._entropy.bytes(_LEAF_SALT_BYTES),
            commitments=[
                leaf_pb2.Commitment(person=person.role, field=field, digest=commit(salt, field, value))
                for person, values in persons
                for field, (salt, value) in values.items()
            ],
        )
        leaf.occurred_at.FromDatetime(event.occurred_at)
        return leaf


def open_sealed(
    *, leaf: bytes, role: events.Role, message: bytes, private_key: ReaderPrivateKey
) -> dict[str, OpenedValue]:
    """The values of one person, by field, each checked against the leaf's commitment.

    `leaf` and `message` are the envelope's bytes as they came. Raises SealBroken or FormatUnknown when the message was
    not sealed to this key for this leaf, CommitmentMismatch when it holds other fields or values than the leaf
    commits to: its producer lied in one of the two places.
    """
    aad = hashlib.sha256(leaf).digest()
    plaintext = open_with(private_key, info=_SEALED_VALUES_INFO, aad=aad, message=message)
    try:
        sent = envelope_pb2.PersonalValues.FromString(plaintext)
        digests = {
            commitment.field: commitment.digest
            for commitment in leaf_pb2.Leaf.FromString(leaf).commitments
            if commitment.person == role
        }
    except DecodeError:
        raise CommitmentMismatch("the leaf or its values cannot be read") from None
    opened = {value.field: OpenedValue(value.salt, value.value) for value in sent.values}
    if opened.keys() != digests.keys() or len(opened) != len(sent.values):
        raise CommitmentMismatch(f"the {role}'s fields are not those that the leaf commits to")
    for field, (salt, value) in opened.items():
        check_commitment(digests[field], field_salt=salt, field=field, value=value)
    return opened


def action_names() -> frozenset[str]:
    """The listed actions as "noun.verb"; wardenry/events/v1/action.proto says how they are named."""
    return frozenset(
        name.removeprefix("ACTION_").lower().replace("_", ".", 1)
        for name in action_pb2.Action.keys()  # noqa: SIM118 - a protobuf enum is no mapping
        if name != "ACTION_UNSPECIFIED"
    )


def _sealed(person: events.PersonalValues, values: Mapping[str, OpenedValue], leaf: bytes) -> envelope_pb2.SealedValues:
    plaintext = envelope_pb2.PersonalValues(
        values=[
            envelope_pb2.PersonalValues.Value(field=field, salt=salt, value=value)
            for field, (salt, value) in values.items()
        ]
    ).SerializeToString(deterministic=True)
    aad = hashlib.sha256(leaf).digest()
    return envelope_pb2.SealedValues(
        person=person.role,
        key=envelope_pb2.KeyReference(key=person.reader_key.key_id.bytes, version=person.reader_key.version),
        message=seal_to(person.reader_key, info=_SEALED_VALUES_INFO, aad=aad, plaintext=plaintext),
    )


def _tags(tags: events.SearchTags | None) -> envelope_pb2.SearchTags | None:
    if tags is None:
        return None
    return envelope_pb2.SearchTags(network=tags.network, device=tags.device, country=tags.country, address=tags.address)


def _set_payload(envelope: envelope_pb2.Envelope, payload: events.Payload | None) -> None:
    match payload:
        case events.SubjectEpochRaised():
            envelope.subject_epoch_raised.CopyFrom(
                envelope_pb2.SubjectEpochRaised(
                    subject=payload.subject.bytes,
                    epoch=payload.epoch,
                    keep_session=_id_bytes(payload.keep_session),
                )
            )
        case events.MembershipChanged():
            envelope.membership_changed.CopyFrom(
                envelope_pb2.MembershipChanged(
                    subject=payload.subject.bytes,
                    workspace=payload.workspace.bytes,
                    epoch=payload.epoch,
                    role=payload.role,
                )
            )
        case None:
            pass


def _id_bytes(identifier: UUID | bytes | None) -> bytes:
    if isinstance(identifier, UUID):
        return identifier.bytes
    return identifier or b""


def _check(message: leaf_pb2.Leaf | envelope_pb2.Envelope) -> None:
    # What the log would refuse is refused here, before the action that it records is committed.
    try:
        protovalidate.validate(message)
    except protovalidate.ValidationError as error:
        # Field names only: a violation's own text may quote the value.
        paths = (violation.proto.field.elements for violation in error.violations if violation.proto.field)
        fields = ", ".join(".".join(element.field_name for element in path) for path in paths)
        raise EventInvalid(f"not within the limits of the format: {fields}") from None
