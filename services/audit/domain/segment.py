"""Segments: new entries of all logs as one object of the object store. docs/formats/segment.md specifies them."""

import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from libs.events.event import Role, SearchTags
from libs.moments import microseconds_of, moment_of
from services.audit.domain.entry import NewEntry, SealedPerson
from wardenry.framing import FramingInvalid, frame, unframe

_LABEL = b"wardenry log segment v1"
#: What the first segment names as the one before it.
BEFORE_ALL = bytes(32)
_ROLES: tuple[Role, ...] = ("actor", "target")
#: As `frame` writes them: log, index and time of an entry, then the length of its leaf; and the parts of a person.
_HEAD = struct.Struct(">I16s IQ IQ I")
_PERSON = struct.Struct(">I I16s II I")
_LENGTH = struct.Struct(">I")
_NOBODY = _LENGTH.pack(0)
_NAME = re.compile(r"segments/([0-9]{20})-([0-9a-f]{64})")


class SegmentInvalid(ValueError):
    """The bytes are no segment of a version that is known here."""


class Span(NamedTuple):
    """Entries of one log that follow each other."""

    log: UUID
    first: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPart:
    """What one append added."""

    id: int
    #: Between which times its entries were recorded.
    recorded_from: datetime
    recorded_until: datetime
    spans: Sequence[Span]
    #: Bytes of leaves and sealed messages; 0 where they were not counted.
    size: int = 0

    @property
    def count(self) -> int:
        """Number of entries."""
        return sum(span.size for span in self.spans)


class Appended(NamedTuple):
    """What one append added, as it added it."""

    part: SegmentPart
    #: With their indexes, span by span.
    entries: Sequence[tuple[int, NewEntry]]

    def as_stored(self) -> "list[SegmentEntry]":
        """The entries as the log holds them."""
        at = self.part.recorded_from
        return [SegmentEntry(new.log, index, at, new.leaf, new.sealed, new.tags) for index, new in self.entries]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLog:
    """Entries of one log that no segment takes, as not all of them are there."""

    span: Span
    #: Index of the first that is gone, or is another than the tree says.
    damaged: int
    recorded_from: datetime
    recorded_until: datetime
    #: As that of a part.
    size: int
    held_at: datetime


@dataclass(slots=True)
class SegmentEntry:
    """An entry with all that is stored beside it.

    Nobody changes one. Python takes three times as long to make one that it guards."""

    log: UUID
    index: int
    recorded_at: datetime
    leaf: bytes
    sealed: tuple[SealedPerson, ...]
    tags: SearchTags

    def to_bytes(self) -> bytes:
        actor = target = _NOBODY
        for person in self.sealed:
            if person.role == "actor":
                actor = _person_bytes(person)
            else:
                target = _person_bytes(person)
        # There are thousands in a second, so `frame` is spelled out.
        leaf, (network, device, country, address) = self.leaf, self.tags
        place = country.encode()
        return b"".join(
            (
                _HEAD.pack(16, self.log.bytes, 8, self.index, 8, _microseconds(self.recorded_at), len(leaf)),
                leaf,
                actor,
                target,
                _LENGTH.pack(len(network)),
                network,
                _LENGTH.pack(len(device)),
                device,
                _LENGTH.pack(len(address)),
                address,
                _LENGTH.pack(len(place)),
                place,
            )
        )

    @classmethod
    def parse(cls, data: bytes) -> "SegmentEntry":
        """Raises SegmentInvalid."""
        try:
            log, index, recorded_at, leaf, actor, target, network, device, address, country = unframe(data, count=10)
            sealed = [(role, part) for role, part in zip(_ROLES, (actor, target), strict=True) if part]
            return cls(
                log=UUID(bytes=log),
                index=_number(index),
                recorded_at=moment_of(_number(recorded_at)),
                leaf=leaf,
                sealed=tuple(_person(role, part) for role, part in sealed),
                tags=SearchTags(network=network, device=device, address=address, country=country.decode()),
            )
        except (ValueError, OverflowError):
            raise SegmentInvalid("an entry of the segment is malformed") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One object."""

    number: int
    #: SHA-256 of the bytes of the segment before; BEFORE_ALL for the first.
    previous: bytes
    entries: Sequence[SegmentEntry]

    def to_bytes(self) -> bytes:
        parts = [frame(_LABEL, self.number.to_bytes(8, "big"), self.previous)]
        for entry in self.entries:
            data = entry.to_bytes()
            parts += (_LENGTH.pack(len(data)), data)
        return b"".join(parts)

    @classmethod
    def parse(cls, data: bytes) -> "Segment":
        """Raises SegmentInvalid."""
        try:
            label, number, previous, *entries = unframe(data)
        except ValueError:
            raise SegmentInvalid("the bytes are no segment") from None
        if label != _LABEL or len(number) != 8 or len(previous) != len(BEFORE_ALL) or not entries:
            raise SegmentInvalid("no segment of a version that is known here")
        return cls(number=_number(number), previous=previous, entries=[SegmentEntry.parse(entry) for entry in entries])


def segment_name(number: int, digest: bytes) -> str:
    """The object's name: in the order of the chain, and another one for other bytes."""
    return f"{segments_from(number)}-{digest.hex()}"


def segments_from(number: int) -> str:
    """What the names of this segment and of all after it are greater than, and no other's is."""
    return f"segments/{number:020d}"


def named(name: str) -> tuple[int, bytes] | None:
    """Number and digest in an object's name; None for what is no segment's."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), bytes.fromhex(match[2])) if match else None


def digest_of(data: bytes) -> bytes:
    """What a row and the next segment name a segment by."""
    return hashlib.sha256(data).digest()


def _person_bytes(person: SealedPerson) -> bytes:
    """The frame of its parts, after its length."""
    _, key_id, version, message = person
    length = len(message)
    return _PERSON.pack(_PERSON.size - 4 + length, 16, key_id.bytes, 4, version, length) + message


@lru_cache
def _microseconds(at: datetime) -> int:
    # One batch has one time.
    return microseconds_of(at)


def _person(role: Role, data: bytes) -> SealedPerson:
    key_id, version, message = unframe(data, count=3)
    if len(version) != 4:
        raise FramingInvalid("a key's version has four bytes")
    return SealedPerson(role, UUID(bytes=key_id), int.from_bytes(version, "big"), message)


def _number(data: bytes) -> int:
    if len(data) != 8:
        raise FramingInvalid("a number has eight bytes")
    return int.from_bytes(data, "big")
