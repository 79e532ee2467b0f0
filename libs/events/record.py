"""An event on the wire: a Kafka record whose headers carry its number and a MAC. docs/formats/event-record.md."""

import hmac
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from libs.events.identifier import identifier
from libs.events.position import Position
from wardenry.framing import frame

_DOMAIN: Final = b"wardenry event record v1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MAC_BYTES: Final = 32
#: As `frame` writes them: generation, number, bucket, event id and log, each after its length.
_NUMBERS: Final = struct.Struct(">II IQ IH I16s I16s")
_TIME_FORM: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")

#: The order in which headers are written; a reader takes them by name.
_SPECVERSION, _ID, _SOURCE, _TYPE = "ce_specversion", "ce_id", "ce_source", "ce_type"
_SUBJECT, _TIME, _CONTENT_TYPE, _TRACEPARENT = "ce_subject", "ce_time", "content-type", "traceparent"
_GENERATION, _NUMBER, _BUCKET, _MAC = "wn-generation", "wn-number", "wn-bucket", "wn-mac"


class RecordMalformed(Exception):
    """The bytes are no record of this format. The text names the header at fault and repeats no value."""


class RecordForged(Exception):
    """The MAC is not the source's."""


class RawRecord(NamedTuple):
    """A Kafka record as it came, byte for byte."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    #: Kafka lets a header have no value.
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None


@dataclass(slots=True, kw_only=True)
class Record:
    """One numbered event of one source. Two records are equal when everything that the MAC covers is.

    Nobody changes one. Python takes three times as long to make one that it guards."""

    source: str
    position: Position
    bucket: int
    event_id: UUID
    log: UUID
    action: str
    #: UTC, to the microsecond.
    occurred_at: datetime
    #: The serialised wardenry.events.v1.Envelope.
    envelope: bytes
    #: W3C trace context of the call that caused it.
    traceparent: str | None = None
    #: What it was read from; none for a record about to be sent.
    raw: RawRecord | None = field(default=None, compare=False, repr=False)


def topic_of(source: str) -> str:
    """The topic that carries a source's events, and nothing else."""
    return f"wardenry.{source}.v1"


def mac_of(record: Record, key: bytes) -> bytes:
    """HMAC-SHA-256 over the framed parts of the record: 32 bytes."""
    generation, number = record.position
    mac = _keyed(key).copy()
    mac.update(_domain(record.source))
    mac.update(
        _NUMBERS.pack(4, generation, 8, number, 2, record.bucket, 16, record.event_id.bytes, 16, record.log.bytes)
    )
    mac.update(
        frame(
            record.action.encode(),
            ((record.occurred_at - _EPOCH) // _MICROSECOND).to_bytes(8, "big", signed=True),
            (record.traceparent or "").encode(),
            record.envelope,
        )
    )
    return mac.digest()


@lru_cache
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")


@lru_cache
def _domain(source: str) -> bytes:
    return frame(_DOMAIN, source.encode())


def mac_in(raw: RawRecord) -> bytes | None:
    """The MAC that the record states; whether it is good is for `read_record` to say."""
    return next((value for name, value in raw.headers if name == _MAC), None)


def headers_of(record: Record, key: bytes) -> list[tuple[str, bytes]]:
    """The Kafka headers: CloudEvents in binary mode, the trace context, number and MAC under `key`."""
    headers = [
        (_SPECVERSION, b"1.0"),
        (_ID, str(record.event_id).encode()),
        (_SOURCE, f"/wardenry/{record.source}".encode()),
        (_TYPE, record.action.encode()),
        (_SUBJECT, str(record.log).encode()),
        (_TIME, record.occurred_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()),
        (_CONTENT_TYPE, b"application/protobuf"),
        (_GENERATION, str(record.position.generation).encode()),
        (_NUMBER, str(record.position.number).encode()),
        (_BUCKET, str(record.bucket).encode()),
        (_MAC, mac_of(record, key)),
    ]
    if record.traceparent is not None:
        headers.append((_TRACEPARENT, record.traceparent.encode()))
    return headers


def read_record(raw: RawRecord, *, source: str, keys: Sequence[bytes]) -> Record:
    """The record in `raw`, which came by the topic of `source`; `keys` are that source's MAC keys.

    Raises RecordMalformed, RecordForged.
    """
    headers = dict(raw.headers)
    if len(headers) != len(raw.headers) or None in headers.values():
        raise RecordMalformed("a header is repeated, or has no value")
    if raw.value is None:
        raise RecordMalformed("there is no value")
    if headers.get(_SPECVERSION) != b"1.0" or headers.get(_SOURCE) != f"/wardenry/{source}".encode():
        raise RecordMalformed(f"{_SPECVERSION} or {_SOURCE} is another")
    mac = headers.get(_MAC)
    if mac is None or len(mac) != _MAC_BYTES:
        raise RecordMalformed(f"{_MAC} is missing or has another length")
    try:
        record = Record(
            source=source,
            position=Position(_whole(headers, _GENERATION, bits=31), _whole(headers, _NUMBER, bits=63)),
            bucket=_whole(headers, _BUCKET, bits=6),
            event_id=_uuid(_header(headers, _ID)),
            log=_uuid(_header(headers, _SUBJECT)),
            action=_header(headers, _TYPE),
            occurred_at=_time(_header(headers, _TIME)),
            traceparent=_header(headers, _TRACEPARENT) if _TRACEPARENT in headers else None,
            envelope=raw.value,
            raw=raw,
        )
    except ValueError as error:
        raise RecordMalformed("a header's value is not of its form") from error
    if not any(hmac.compare_digest(mac_of(record, key), mac) for key in keys):
        raise RecordForged("the MAC is not the source's")
    return record


def _header(headers: Mapping[str, bytes | None], name: str) -> str:
    value = headers.get(name)
    try:
        if value is not None:
            return value.decode()
    except UnicodeDecodeError:
        pass
    raise RecordMalformed(f"{name} is missing or no UTF-8")


def _whole(headers: Mapping[str, bytes | None], name: str, *, bits: int) -> int:
    text = _header(headers, name)
    # `int` takes signs, underscores, spaces and other scripts' digits; the format has one spelling for a number.
    if not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0") or len(text) > 19:
        raise RecordMalformed(f"{name} is no decimal number")
    if (value := int(text)) >= 1 << bits:
        raise RecordMalformed(f"{name} is too great")
    return value


def _time(text: str) -> datetime:
    # Other spellings of a time, with an offset above all, may lead out of the years that there are.
    if not _TIME_FORM.fullmatch(text):
        raise ValueError("a time of another form")
    return datetime.fromisoformat(text)


def _uuid(text: str) -> UUID:
    # Read it would be without hyphens too, and in upper case.
    found = identifier(text)
    if str(found) != text:
        raise ValueError("a UUID of another form")
    return found
