"""Segments as bytes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.event import Role, SearchTags
from services.audit.domain.entry import SealedPerson
from services.audit.domain.segment import (
    Segment,
    SegmentEntry,
    SegmentInvalid,
    digest_of,
    named,
    segment_name,
    segments_from,
)
from tests.support.vectors import vectors_of
from wardenry.framing import frame, unframe


def entry_of(vector: dict[str, Any]) -> SegmentEntry:
    roles: tuple[Role, ...] = ("actor", "target")
    persons = [(role, vector[role]) for role in roles if vector[role]]
    return SegmentEntry(
        log=UUID(vector["log"]),
        index=vector["index"],
        recorded_at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=vector["recorded_at"]),
        leaf=bytes.fromhex(vector["leaf"]),
        sealed=tuple(
            SealedPerson(
                role=role,
                key_id=UUID(person["key"]),
                key_version=person["version"],
                message=bytes.fromhex(person["message"]),
            )
            for role, person in persons
        ),
        tags=SearchTags(
            country=vector["country"],
            **{name: bytes.fromhex(vector[name]) for name in ("network", "device", "address")},
        ),
    )


@pytest.mark.parametrize("vector", vectors_of("segment"), ids=lambda vector: vector["number"])
def test_segment(vector: dict[str, Any]) -> None:
    segment = Segment(
        number=vector["number"],
        previous=bytes.fromhex(vector["previous"]),
        entries=[entry_of(entry) for entry in vector["entries"]],
    )
    data = segment.to_bytes()
    assert data.hex() == vector["segment"]
    assert digest_of(data).hex() == vector["digest"]
    assert segment_name(segment.number, digest_of(data)) == vector["name"]
    assert Segment.parse(data) == segment


def test_what_is_no_segment_is_refused() -> None:
    data = bytes.fromhex(vectors_of("segment")[0]["segment"])
    label, number, previous, *entries = unframe(data)
    for wrong in (
        b"",
        data[:-1],
        data + b"\0",
        frame(label, number, previous),
        frame(b"wardenry log segment v2", number, previous, *entries),
        frame(label, number[1:], previous, *entries),
        frame(label, number, previous[1:], *entries),
        frame(label, number, previous, b"", *entries),
        frame(label, number, previous, frame(*unframe(entries[0])[:-1])),
        frame(label, number, previous, frame(b"x", *unframe(entries[0])[1:])),
    ):
        with pytest.raises(SegmentInvalid):
            Segment.parse(wrong)


def test_a_segments_name_says_which_it_is() -> None:
    name = segment_name(7, bytes(range(32)))
    assert named(name) == (7, bytes(range(32)))
    for other in (name + "0", name[:-1], name.upper(), name.replace("segments/", ""), "segments/README", ""):
        assert named(other) is None
    assert segments_from(7) < name < segments_from(8)
