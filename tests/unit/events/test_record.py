"""The event record of docs/formats/event-record.md."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.db.schemas import ROOT
from libs.events.position import Position
from libs.events.record import (
    RawRecord,
    Record,
    RecordForged,
    RecordMalformed,
    headers_of,
    mac_of,
    read_record,
    topic_of,
)
from libs.outbox.bucket import bucket_of

KEY = b"k" * 32
VECTORS: list[dict[str, Any]] = json.loads((ROOT / "tests/testdata/formats/event-record.json").read_text())["vectors"]
RECORD = Record(
    source="identity",
    position=Position(3, 17),
    bucket=5,
    event_id=UUID(int=1),
    log=UUID(int=2),
    action="user.login",
    occurred_at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    envelope=b"envelope",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


def sent(record: Record, **changed: bytes | None) -> RawRecord:
    """The record as it comes, some headers replaced, or removed by None."""
    headers = {name.replace("-", "_"): (name, value) for name, value in headers_of(record, KEY)}
    for name, value in changed.items():
        if value is None:
            del headers[name]
        else:
            headers[name] = (headers[name][0], value)
    return RawRecord(
        topic=topic_of(record.source),
        partition=0,
        offset=0,
        key=record.log.bytes,
        headers=tuple(headers.values()),
        value=record.envelope,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["source"])
def test_the_published_vectors_hold(vector: dict[str, Any]) -> None:
    headers = [(name, value.encode()) for name, value in vector["headers"].items()]
    raw = RawRecord(
        topic=vector["topic"],
        partition=vector["partition_of_8"],
        offset=0,
        key=bytes.fromhex(vector["record_key"]),
        headers=(*headers, ("wn-mac", bytes.fromhex(vector["mac"]))),
        value=bytes.fromhex(vector["value"]),
    )
    key = bytes.fromhex(vector["key"])
    record = read_record(raw, source=vector["source"], keys=[key])
    assert mac_of(record, key).hex() == vector["mac"]
    assert dict(headers_of(record, key)) == dict(raw.headers)
    assert bucket_of(record.log) == record.bucket == vector["bucket"]
    assert topic_of(record.source) == vector["topic"]


def test_what_is_sent_is_read_back() -> None:
    assert read_record(sent(RECORD), source="identity", keys=[KEY]) == RECORD
    untraced = replace(RECORD, traceparent=None)
    assert read_record(sent(untraced), source="identity", keys=[b"o" * 32, KEY]) == untraced


@pytest.mark.parametrize(
    "changed",
    [
        {"position": Position(3, 18)},
        {"position": Position(4, 17)},
        {"bucket": 6},
        {"event_id": UUID(int=9)},
        {"log": UUID(int=9)},
        {"action": "user.logout"},
        {"occurred_at": RECORD.occurred_at + timedelta(microseconds=1)},
        {"traceparent": None},
        {"envelope": b"envelopf"},
        {"source": "session"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_mac_covers_every_part(changed: dict[str, Any]) -> None:
    other = replace(RECORD, **changed)
    assert mac_of(other, KEY) != mac_of(RECORD, KEY)
    with pytest.raises(RecordForged):
        read_record(sent(other, wn_mac=mac_of(RECORD, KEY)), source=other.source, keys=[KEY])


@pytest.mark.parametrize("mac", [b"\0" * 32, mac_of(RECORD, b"x" * 32), mac_of(RECORD, KEY)[:31] + b"\0"])
def test_a_wrong_mac_is_a_forgery(mac: bytes) -> None:
    with pytest.raises(RecordForged):
        read_record(sent(RECORD, wn_mac=mac), source="identity", keys=[KEY])


@pytest.mark.parametrize(
    "name", [name.replace("-", "_") for name, _ in headers_of(replace(RECORD, traceparent=None), KEY)]
)
def test_every_header_but_the_content_type_is_needed(name: str) -> None:
    raw = sent(RECORD, **{name: None})
    if name == "content_type":
        assert read_record(raw, source="identity", keys=[KEY]) == RECORD
    else:
        with pytest.raises(RecordMalformed):
            read_record(raw, source="identity", keys=[KEY])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wn_number", b"-1"),
        ("wn_number", b"017"),
        ("wn_number", b"1_7"),
        ("wn_number", b" 17"),
        ("wn_number", "١٧".encode()),
        ("wn_number", b"9223372036854775808"),
        ("wn_number", b"9" * 5000),
        ("wn_number", b""),
        ("wn_generation", b"2147483648"),
        ("wn_bucket", b"64"),
        ("wn_mac", b""),
        ("ce_id", b"not an id"),
        ("ce_time", b"2026-01-02T03:04:05"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-01-02T03:04:05.678901+00:00"),
        ("ce_time", b"2026-01-02T03:04:05Z"),
        ("ce_time", b"2026-13-02T03:04:05.678901Z"),
        # Moved to UTC they lie outside the years that there are.
        ("ce_time", b"0001-01-01T00:00:00.000000+23:59"),
        ("ce_time", b"9999-12-31T23:59:59.999999-23:59"),
        ("ce_id", b"urn:uuid:00000000-0000-0000-0000-000000000009"),
        ("ce_subject", b"{00000000-0000-0000-0000-000000000009}"),
        ("ce_subject", b"018F0000-0000-7000-8000-000000000001"),
        ("ce_type", b"\xff"),
        ("ce_specversion", b"0.3"),
        ("ce_source", b"/wardenry/session"),
    ],
)
def test_what_is_not_of_the_form_is_malformed(name: str, value: bytes) -> None:
    with pytest.raises(RecordMalformed):
        read_record(sent(RECORD, **{name: value}), source="identity", keys=[KEY])


def test_a_header_that_is_there_twice_is_malformed() -> None:
    raw = sent(RECORD)
    with pytest.raises(RecordMalformed):
        read_record(raw._replace(headers=(*raw.headers, raw.headers[0])), source="identity", keys=[KEY])


def test_no_value_is_malformed() -> None:
    with pytest.raises(RecordMalformed):
        read_record(sent(RECORD)._replace(value=None), source="identity", keys=[KEY])
