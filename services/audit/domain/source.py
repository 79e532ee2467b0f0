"""Which events a source may send, and what an event must be to enter a log."""

from collections.abc import Mapping

from google.protobuf.message import DecodeError

from libs.events.event import Role, SearchTags
from libs.events.identifier import identifier
from libs.events.record import Record
from services.audit.domain.entry import NewEntry, SealedPerson
from services.audit.domain.errors import EventRefused
from wardenry.events.v1 import action_pb2, envelope_pb2, leaf_pb2
from wardenry.log.leaf import LeafInvalid, occurred_of, read_leaf, target_of

#: A leaf, and two persons' values.
MAX_ENVELOPE_BYTES = 3 * 65_535 + 4_096
#: Years that an event can be of: what is outside is a mistake, and would not fit every store.
_EARLIEST, _LATEST = 2000, 9000
_MAX_TAG_BYTES = 32
_KEY_ID_BYTES = 16
_ROLES: Mapping[str, Role] = {"actor": "actor", "target": "target"}


class Sources:
    """The services that may send events, each with the actions that it may write."""

    def __init__(self, *, allowed: Mapping[str, frozenset[str]]) -> None:
        """`allowed` maps a source's mutual-TLS name to its actions."""
        self._allowed = allowed

    def accept(self, record: Record) -> NewEntry:
        """The entry that a record brings, whose MAC was verified. Raises EventRefused."""
        if record.action not in self._allowed.get(record.source, frozenset()):
            raise EventRefused(f"{record.source} may not write {record.action}")
        if len(record.envelope) > MAX_ENVELOPE_BYTES:
            raise EventRefused(f"the envelope has more than {MAX_ENVELOPE_BYTES} bytes")
        try:
            envelope = envelope_pb2.Envelope.FromString(record.envelope)
            frozen = envelope.leaf
            leaf, commitments = read_leaf(frozen)
            occurred_at = occurred_of(leaf)
        except DecodeError:
            raise EventRefused("the envelope cannot be read") from None
        except LeafInvalid as error:
            raise EventRefused(str(error)) from None
        _check_headers(record, leaf)
        if not _EARLIEST <= occurred_at.year <= _LATEST:
            raise EventRefused("the event's time is none")
        sealed = tuple([_sealed(each) for each in envelope.sealed])
        roles = {person.role for person in sealed}
        if len(roles) != len(sealed) or {person for person, _ in commitments} != roles:
            raise EventRefused("the sealed values are not those that the leaf commits to")
        actor = leaf.actor.id
        target = target_of(leaf) if leaf.target.kind == "subject" else b""
        return NewEntry(
            record.event_id,
            record.log,
            frozen,
            occurred_at,
            record.action,
            leaf.outcome == action_pb2.OUTCOME_SUCCESS,
            identifier(actor) if actor else None,
            identifier(target) if target else None,
            sealed,
            _tags(envelope.tags),
        )


def _check_headers(record: Record, leaf: leaf_pb2.Leaf) -> None:
    if leaf.source != record.source:
        raise EventRefused(f"the leaf says that {leaf.source!r} sent it")
    if (leaf.event, leaf.log, leaf.action) != (record.event_id.bytes, record.log.bytes, record.action):
        raise EventRefused("the leaf is of another event, log or action than the record's headers")


def _sealed(person: envelope_pb2.SealedValues) -> SealedPerson:
    role, key, message = _ROLES.get(person.person), person.key, person.message
    key_id, version = key.key, key.version
    if role is None or len(key_id) != _KEY_ID_BYTES or not 0 < version < 1 << 31:
        raise EventRefused("sealed values name no person or no key")
    if not message:
        raise EventRefused("sealed values are empty")
    return SealedPerson(role, identifier(key_id), version, message)


def _tags(tags: envelope_pb2.SearchTags) -> SearchTags:
    network, device, address, country = tags.network, tags.device, tags.address, tags.country
    if len(network) > _MAX_TAG_BYTES or len(device) > _MAX_TAG_BYTES or len(address) > _MAX_TAG_BYTES:
        raise EventRefused(f"a search tag has more than {_MAX_TAG_BYTES} bytes")
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise EventRefused("the country is no two-letter code")
    return SearchTags(network, device, country, address)
