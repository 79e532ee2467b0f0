"""Which events a source may send, and what an event must be to enter a log."""

from collections.abc import Mapping
from uuid import UUID

from google.protobuf.message import DecodeError

from libs.crypto.key_owner import KeyReference
from libs.events.event import Role, SearchTags
from libs.events.record import Record
from services.audit.domain.entry import NewEntry, SealedPerson
from services.audit.domain.errors import EventRefused
from wardenry.events.v1 import envelope_pb2
from wardenry.log.leaf import Leaf, LeafInvalid, parse_leaf

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
            leaf = parse_leaf(envelope.leaf)
        except DecodeError:
            raise EventRefused("the envelope cannot be read") from None
        except LeafInvalid as error:
            raise EventRefused(str(error)) from None
        _check_headers(record, leaf)
        if not _EARLIEST <= leaf.occurred.year <= _LATEST:
            raise EventRefused("the event's time is none")
        sealed = tuple(_sealed(each) for each in envelope.sealed)
        roles = [person.role for person in sealed]
        if len(set(roles)) != len(roles) or {person for person, _ in leaf.commitments} != set(roles):
            raise EventRefused("the sealed values are not those that the leaf commits to")
        return NewEntry(
            event_id=leaf.event_id,
            log=leaf.log,
            leaf=envelope.leaf,
            occurred_at=leaf.occurred,
            action=leaf.action,
            succeeded=leaf.outcome == "success",
            actor=leaf.actor_id,
            target=leaf.target_subject,
            sealed=sealed,
            tags=_tags(envelope.tags),
        )


def _check_headers(record: Record, leaf: Leaf) -> None:
    if leaf.source != record.source:
        raise EventRefused(f"the leaf says that {leaf.source!r} sent it")
    stated = (leaf.event_id, leaf.log, leaf.action)
    if stated != (record.event_id, record.log, record.action):
        raise EventRefused("the leaf is of another event, log or action than the record's headers")


def _sealed(person: envelope_pb2.SealedValues) -> SealedPerson:
    role = _ROLES.get(person.person)
    if role is None or len(person.key.key) != _KEY_ID_BYTES or not 0 < person.key.version < 1 << 31:
        raise EventRefused("sealed values name no person or no key")
    if not person.message:
        raise EventRefused("sealed values are empty")
    key = KeyReference(key_id=UUID(bytes=person.key.key), version=person.key.version)
    return SealedPerson(role=role, key=key, message=person.message)


def _tags(tags: envelope_pb2.SearchTags) -> SearchTags:
    if max(len(tags.network), len(tags.device), len(tags.address)) > _MAX_TAG_BYTES:
        raise EventRefused(f"a search tag has more than {_MAX_TAG_BYTES} bytes")
    if tags.country and not (len(tags.country) == 2 and tags.country.isascii() and tags.country.isalpha()):
        raise EventRefused("the country is no two-letter code")
    return SearchTags(network=tags.network, device=tags.device, country=tags.country, address=tags.address)
