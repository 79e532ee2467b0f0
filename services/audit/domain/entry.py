"""Entries: what arrives, what is stored, what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from libs.events.event import Role, SearchTags
from wardenry.log.leaf import Leaf

#: An entry is recorded after its event happened, but for clocks, of sources and of this service's processes, that may
#: be this wrong. Of a clock that was more so it takes longer to find an entry (services.audit.commands.intake).
CLOCK_SKEW = timedelta(days=1)


class SealedPerson(NamedTuple):
    """One person's values, as their producer sealed them."""

    role: Role
    key_id: UUID
    key_version: int
    message: bytes

    @property
    def key(self) -> KeyReference:
        """What it is sealed under."""
        return KeyReference(key_id=self.key_id, version=self.key_version)


class NewEntry(NamedTuple):
    """An event that was accepted and has no place in its log yet."""

    event_id: UUID
    log: UUID
    #: The bytes that are hashed.
    leaf: bytes
    occurred_at: datetime
    action: str
    succeeded: bool
    actor: UUID | None
    #: The subject acted on.
    target: UUID | None
    sealed: tuple[SealedPerson, ...]
    tags: SearchTags

    @property
    def size(self) -> int:
        """Bytes of the leaf and of what is sealed beside it."""
        size = len(self.leaf)
        for person in self.sealed:
            size += len(person.message)
        return size


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry as the log holds it."""

    index: int
    recorded_at: datetime
    leaf: bytes
    #: Empty when the values have expired.
    sealed: tuple[SealedPerson, ...]
    country: str


class SaltedValue(NamedTuple):
    """A personal value with the salt of its commitment."""

    salt: bytes
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEntry:
    """An entry with the values that can still be read."""

    stored: StoredEntry
    leaf: Leaf
    #: By (person, field). A field that the leaf commits to and that is missing here has expired or been erased.
    values: Mapping[tuple[str, str], SaltedValue]
