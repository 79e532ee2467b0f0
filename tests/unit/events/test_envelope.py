import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.crypto.errors import KeyInvalid, SealBroken
from libs.crypto.hpke import ReaderPrivateKey, open_with, seal_to
from libs.events.envelope import EnvelopeBuilder, EventInvalid, action_names, open_sealed
from libs.events.event import (
    ADDRESS,
    IP_ADDRESS,
    NAME,
    USER_AGENT,
    Actor,
    ActorKind,
    Event,
    MembershipChanged,
    Outcome,
    PersonalValues,
    Role,
    SearchTags,
    SubjectEpochRaised,
    Target,
)
from tests.support.entropy import CountedEntropy
from tests.support.vectors import vectors_of
from wardenry.events.v1 import envelope_pb2, leaf_pb2
from wardenry.log.commitment import CommitmentMismatch, commit

INFO = b"wardenry sealed values v1"
LOG, EVENT, SUBJECT, SESSION = (UUID(f"019ab2c0-7a00-7000-8000-00000000000{n}") for n in range(1, 5))
ACTOR = ReaderPrivateKey(key_id=UUID(int=1), version=1, private=bytes(range(32)))
TARGET = ReaderPrivateKey(key_id=UUID(int=2), version=3, private=bytes(range(1, 33)))
SIGN_IN = Event(
    event_id=EVENT,
    log=LOG,
    action="user.login",
    occurred_at=datetime(2026, 11, 22, 1, 15, tzinfo=UTC),
    actor=Actor(kind=ActorKind.SUBJECT, id=SUBJECT, session=SESSION, client="web"),
    target=Target(kind="session", id=SESSION),
)


def built(event: Event) -> envelope_pb2.Envelope:
    return envelope_pb2.Envelope.FromString(EnvelopeBuilder(source="session", entropy=CountedEntropy()).build(event))


def leaf_of(event: Event) -> leaf_pb2.Leaf:
    return leaf_pb2.Leaf.FromString(built(event).leaf)


def values_of(role: Role, key: ReaderPrivateKey, values: dict[str, str]) -> PersonalValues:
    return PersonalValues(role=role, reader_key=key.public_key(), values=values)


def opened(envelope: envelope_pb2.Envelope, index: int, key: ReaderPrivateKey) -> dict[str, str]:
    sealed = envelope.sealed[index]
    role: Role = "actor" if sealed.person == "actor" else "target"
    values = open_sealed(leaf=envelope.leaf, role=role, message=sealed.message, private_key=key)
    return {field: value for field, (_, value) in values.items()}


@pytest.mark.parametrize("vector", vectors_of("leaf"))
def test_vector(vector: dict[str, Any]) -> None:
    personal, actor = vector["personal"], vector["actor"]
    reader = ReaderPrivateKey(
        key_id=UUID(personal["key_id"]),
        version=personal["key_version"],
        private=bytes.fromhex(personal["reader_private"]),
    )
    event = Event(
        event_id=UUID(vector["event"]),
        log=UUID(vector["log"]),
        action=vector["action"],
        outcome=Outcome(vector["outcome"]),
        occurred_at=datetime.fromisoformat(vector["occurred_at"]),
        actor=Actor(
            kind=ActorKind(actor["kind"]),
            id=UUID(actor["id"]),
            session=UUID(actor["session"]),
            client=actor["client"],
        ),
        target=Target(kind=vector["target"]["kind"], id=UUID(vector["target"]["id"])),
        reason=vector["reason"],
        details=vector["details"],
        personal=(values_of(personal["role"], reader, personal["values"]),),
    )
    envelope = built(event)
    assert envelope.leaf.hex() == vector["leaf"]
    assert hashlib.sha256(envelope.leaf).hexdigest() == vector["sha256"]
    assert hashlib.sha256(b"\x00" + envelope.leaf).hexdigest() == vector["rfc6962_leaf_hash"]
    assert opened(envelope, 0, reader) == personal["values"]

    given = envelope_pb2.Envelope.FromString(bytes.fromhex(vector["envelope"]))
    assert given.leaf == envelope.leaf
    assert given.sealed[0].key == envelope.sealed[0].key
    values = open_sealed(leaf=given.leaf, role=personal["role"], message=given.sealed[0].message, private_key=reader)
    assert {field: value.salt.hex() for field, value in values.items()} == personal["salts"]
    assert {field: value.value for field, value in values.items()} == personal["values"]


def test_each_person_is_sealed_to_their_own_key() -> None:
    actor, target = {IP_ADDRESS: "192.0.2.7", USER_AGENT: "Mozilla/5.0"}, {ADDRESS: "ada@example.org", NAME: "Ada"}
    personal = (values_of("actor", ACTOR, actor), values_of("target", TARGET, target))
    envelope = built(replace(SIGN_IN, personal=personal))
    assert [(sealed.key.key, sealed.key.version) for sealed in envelope.sealed] == [
        (ACTOR.key_id.bytes, 1),
        (TARGET.key_id.bytes, 3),
    ]
    assert opened(envelope, 0, ACTOR) == actor
    assert opened(envelope, 1, TARGET) == target
    with pytest.raises(SealBroken):
        opened(envelope, 0, TARGET)
    with pytest.raises(SealBroken):
        opened(envelope, 1, ACTOR)


@given(st.dictionaries(st.sampled_from([IP_ADDRESS, USER_AGENT, ADDRESS, NAME]), st.text(max_size=100)))
def test_round_trip(values: dict[str, str]) -> None:
    envelope = built(replace(SIGN_IN, personal=(values_of("actor", ACTOR, values),)))
    known = {field: value for field, value in values.items() if value}
    if known:
        assert opened(envelope, 0, ACTOR) == known
    else:
        assert not envelope.sealed
    assert [c.field for c in leaf_pb2.Leaf.FromString(envelope.leaf).commitments] == sorted(known)


def test_no_personal_value_is_in_clear() -> None:
    envelope = built(replace(SIGN_IN, personal=(values_of("actor", ACTOR, {IP_ADDRESS: "192.0.2.7"}),)))
    assert b"192.0.2.7" not in envelope.SerializeToString()


def test_every_changed_byte_of_leaf_or_message_is_refused() -> None:
    envelope = built(replace(SIGN_IN, personal=(values_of("actor", ACTOR, {IP_ADDRESS: "192.0.2.7"}),)))
    leaf, message = envelope.leaf, envelope.sealed[0].message
    for position in range(len(leaf)):
        changed = leaf[:position] + bytes([leaf[position] ^ 1]) + leaf[position + 1 :]
        with pytest.raises(SealBroken):
            open_sealed(leaf=changed, role="actor", message=message, private_key=ACTOR)
    for position in range(len(message)):
        changed = message[:position] + bytes([message[position] ^ 1]) + message[position + 1 :]
        with pytest.raises(SealBroken):
            open_sealed(leaf=leaf, role="actor", message=changed, private_key=ACTOR)


@pytest.mark.parametrize(
    "sent",
    [
        [(IP_ADDRESS, b"s" * 16, "192.0.2.8")],
        [(IP_ADDRESS, b"t" * 16, "192.0.2.7")],
        [(IP_ADDRESS, b"", "192.0.2.7")],
        [(USER_AGENT, b"s" * 16, "192.0.2.7")],
        [],
        [(IP_ADDRESS, b"s" * 16, "192.0.2.7"), (USER_AGENT, b"s" * 16, "x")],
        [(IP_ADDRESS, b"s" * 16, "192.0.2.8"), (IP_ADDRESS, b"s" * 16, "192.0.2.7")],
    ],
)
def test_a_producer_cannot_send_other_values_than_it_committed_to(sent: list[tuple[str, bytes, str]]) -> None:
    digest = commit(b"s" * 16, IP_ADDRESS, "192.0.2.7")
    commitment = leaf_pb2.Commitment(person="actor", field=IP_ADDRESS, digest=digest)
    leaf = leaf_pb2.Leaf(version=1, commitments=[commitment]).SerializeToString()
    values = [envelope_pb2.PersonalValues.Value(field=field, salt=salt, value=value) for field, salt, value in sent]
    plaintext = envelope_pb2.PersonalValues(values=values).SerializeToString()
    aad = hashlib.sha256(leaf).digest()
    message = seal_to(ACTOR.public_key(), info=INFO, aad=aad, plaintext=plaintext)
    with pytest.raises(CommitmentMismatch):
        open_sealed(leaf=leaf, role="actor", message=message, private_key=ACTOR)


def test_the_actors_values_are_not_the_targets() -> None:
    both = (values_of("actor", ACTOR, {NAME: "Ada"}), values_of("target", ACTOR, {NAME: "Bob"}))
    envelope = built(replace(SIGN_IN, personal=both))
    with pytest.raises(CommitmentMismatch):
        open_sealed(leaf=envelope.leaf, role="target", message=envelope.sealed[0].message, private_key=ACTOR)


def test_unreadable_plaintext_is_refused() -> None:
    leaf = built(SIGN_IN).leaf
    message = seal_to(ACTOR.public_key(), info=INFO, aad=hashlib.sha256(leaf).digest(), plaintext=b"\xff\xff")
    with pytest.raises(CommitmentMismatch):
        open_sealed(leaf=leaf, role="actor", message=message, private_key=ACTOR)


def test_salts_are_never_drawn_twice() -> None:
    personal = (
        values_of("actor", ACTOR, {IP_ADDRESS: "192.0.2.7", USER_AGENT: "x"}),
        values_of("target", TARGET, {IP_ADDRESS: "192.0.2.7"}),
    )
    event = replace(SIGN_IN, personal=personal)
    builder = EnvelopeBuilder(source="session", entropy=CountedEntropy())
    leaves = [leaf_pb2.Leaf.FromString(envelope_pb2.Envelope.FromString(builder.build(event)).leaf) for _ in range(2)]
    assert leaves[0].salt != leaves[1].salt
    digests = [commitment.digest for leaf in leaves for commitment in leaf.commitments]
    assert len(set(digests)) == 6


def test_a_value_from_outside_never_stops_an_event() -> None:
    agent = "\ud800" + "é" * 5_000_000
    envelope = built(replace(SIGN_IN, personal=(values_of("actor", ACTOR, {USER_AGENT: agent}),)))
    recorded = opened(envelope, 0, ACTOR)[USER_AGENT]
    assert recorded.startswith("?éé")
    assert recorded.endswith("é…")
    assert 1022 <= len(recorded.encode()) <= 1024


def test_tags_and_payload_travel_beside_the_leaf() -> None:
    tags = SearchTags(network=b"n" * 32, device=b"d" * 32, country="CH", address=b"a" * 32)
    raised = SubjectEpochRaised(subject=SUBJECT, epoch=7, keep_session=SESSION)
    envelope = built(replace(SIGN_IN, tags=tags, payload=raised))
    assert (envelope.tags.network, envelope.tags.country) == (b"n" * 32, "CH")
    assert envelope.subject_epoch_raised.epoch == 7
    assert envelope.subject_epoch_raised.keep_session == SESSION.bytes
    changed = MembershipChanged(subject=SUBJECT, workspace=LOG, epoch=2, role="Member")
    assert built(replace(SIGN_IN, payload=changed)).membership_changed.role == "Member"
    assert not built(SIGN_IN).HasField("tags")
    assert built(SIGN_IN).WhichOneof("payload") is None


def test_a_products_record_keeps_its_own_id() -> None:
    leaf = leaf_of(replace(SIGN_IN, action="record.created", target=Target(kind="invoice", id=b"2026/17")))
    assert leaf.target.id == b"2026/17"


@pytest.mark.parametrize(
    "event",
    [
        replace(SIGN_IN, action="user.levitated"),
        replace(SIGN_IN, action="user_login"),
        replace(SIGN_IN, action=""),
        replace(SIGN_IN, action="record."),
        replace(SIGN_IN, action="unspecified"),
        replace(SIGN_IN, reason="x" * 65),
        replace(SIGN_IN, details={"key": "v" * 1025}),
        replace(SIGN_IN, details={str(n): "" for n in range(33)}),
        replace(SIGN_IN, target=Target(kind="")),
        replace(SIGN_IN, target=Target(kind="record", id=bytes(129))),
        replace(SIGN_IN, actor=Actor(kind=ActorKind.SERVICE, client="x" * 129)),
        replace(SIGN_IN, details={str(n): "€" * 1024 for n in range(32)}),
        replace(SIGN_IN, occurred_at=datetime(2026, 11, 22)),  # noqa: DTZ001 - a time without zone is the case
        replace(SIGN_IN, occurred_at=datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=1)))),
        replace(SIGN_IN, tags=SearchTags(network=bytes(33))),
        replace(SIGN_IN, personal=(values_of("actor", ACTOR, {}), values_of("actor", TARGET, {}))),
        replace(SIGN_IN, personal=(values_of("actor", ACTOR, {"": "x"}),)),
    ],
)
def test_what_the_log_would_refuse_is_refused_before_it_is_emitted(event: Event) -> None:
    with pytest.raises(EventInvalid):
        built(event)


def test_the_refusal_names_the_field_and_not_the_value() -> None:
    with pytest.raises(EventInvalid, match="details") as raised:
        built(replace(SIGN_IN, details={"key": "secret" * 1000}))
    assert "secret" not in str(raised.value)


def test_an_unfit_reader_key_is_refused() -> None:
    key = replace(ACTOR.public_key(), public=bytes(32))
    personal = PersonalValues(role="actor", reader_key=key, values={NAME: "Ada"})
    with pytest.raises(KeyInvalid):
        built(replace(SIGN_IN, personal=(personal,)))


def test_the_largest_leaf_fits() -> None:
    details = {f"{n:02}": "x" * 1024 for n in range(32)}
    assert 32 * 1024 < len(built(replace(SIGN_IN, details=details)).leaf) <= 65_535


def test_the_plaintext_keeps_the_order_of_the_commitments() -> None:
    envelope = built(replace(SIGN_IN, personal=(values_of("actor", ACTOR, {USER_AGENT: "x", IP_ADDRESS: "y"}),)))
    aad = hashlib.sha256(envelope.leaf).digest()
    plaintext = open_with(ACTOR, info=INFO, aad=aad, message=envelope.sealed[0].message)
    sent = [value.field for value in envelope_pb2.PersonalValues.FromString(plaintext).values]
    assert sent == [c.field for c in leaf_pb2.Leaf.FromString(envelope.leaf).commitments] == [IP_ADDRESS, USER_AGENT]


def test_action_names_are_noun_and_verb() -> None:
    assert {"user.login", "user.role_changed", "workspace.created"} <= action_names()
    assert all(name.count(".") == 1 for name in action_names())
