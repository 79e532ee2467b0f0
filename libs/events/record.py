"""An event on the wire: a Kafka record whose headers carry its number and a MAC. docs/formats/event-record.md."""

import hmac
import re
import struct
from collections.abc import Sequence
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
#: As `frame` writes them: generation, number, bucket, event id and log, each after its length, and an action's length;
#: the time, and a trace context's length; an envelope's length.
_NUMBERS: Final = struct.Struct(">II IQ IH I16s I16s I")
_WHEN: Final = struct.Struct(">Iq I")
_LENGTH: Final = struct.Struct(">I")
_TIME_FORM: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")

#: The order in which headers are written; a reader takes them by name.
_SPECVERSION, _ID, _SOURCE, _TYPE = "ce_specversion", "ce_id", "ce_source", "ce_type"
_SUBJECT, _TIME, _CONTENT_TYPE, _TRACEPARENT = "ce_subject", "ce_time", "content-type", "traceparent"
_GENERATION, _NUMBER, _BUCKET, _MAC = "wn-generation", "wn-number", "wn-bucket", "wn-mac"
_NAMES: Final = (
    *(_SPECVERSION, _ID, _SOURCE, _TYPE, _SUBJECT, _TIME, _CONTENT_TYPE, _GENERATION, _NUMBER, _BUCKET, _MAC),
    _TRACEPARENT,
)
#: As they are written where there is no trace.
_UNTRACED: Final = _NAMES[:-1]


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
    #: What its consumer has made of it before it is taken in (libs.events.intake).
    prepared: object = field(default=None, init=False, compare=False, repr=False)


def topic_of(source: str) -> str:
    """The topic that carries a source's events, and nothing else."""
    return f"wardenry.{source}.v1"


def mac_of(record: Record, key: bytes) -> bytes:
    """HMAC-SHA-256 over the framed parts of the record: 32 bytes."""
    generation, number = record.position
    event, log, envelope = record.event_id.bytes, record.log.bytes, record.envelope
    action, traceparent = record.action.encode(), (record.traceparent or "").encode()
    microseconds = (record.occurred_at - _EPOCH) // _MICROSECOND
    mac = _begun(key, record.source).copy()
    # There are thousands in a second, so `frame` is spelled out.
    mac.update(
        b"".join(
            (
                _NUMBERS.pack(4, generation, 8, number, 2, record.bucket, 16, event, 16, log, len(action)),
                action,
                _WHEN.pack(8, microseconds, len(traceparent)),
                traceparent,
                _LENGTH.pack(len(envelope)),
                envelope,
            )
        )
    )
    return mac.digest()


@lru_cache
def _begun(key: bytes, source: str) -> hmac.HMAC:
    return hmac.new(key, frame(_DOMAIN, source.encode()), digestmod="sha256")


@lru_cache
def _source_header(source: str) -> bytes:
    return f"/wardenry/{source}".encode()


def mac_in(raw: RawRecord) -> bytes | None:
    """The MAC that the record states; whether it is good is for `read_record` to say."""
    return next((value for name, value in raw.headers if name == _MAC), None)


def headers_of(record: Record, key: bytes) -> list[tuple[str, bytes]]:
    """The Kafka headers: CloudEvents in binary mode, the trace context, number and MAC under `key`."""
    headers = [
        (_SPECVERSION, b"1.0"),
        (_ID, str(record.event_id).encode()),
        (_SOURCE, _source_header(record.source)),
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
    version, event, stated, action, log, time, _, generation, number, bucket, mac, traceparent = _values(raw.headers)
    if raw.value is None:
        raise RecordMalformed("there is no value")
    if version != b"1.0" or stated != _source_header(source):
        raise RecordMalformed(f"{_SPECVERSION} or {_SOURCE} is another")
    if mac is None or len(mac) != _MAC_BYTES:
        raise RecordMalformed(f"{_MAC} is missing or has another length")
    try:
        record = Record(
            source=source,
            position=Position(_one_of_few(generation, _GENERATION, 1 << 31), _whole(number, _NUMBER, 1 << 63)),
            bucket=_one_of_few(bucket, _BUCKET, 1 << 6),
            event_id=_uuid(_text(event, _ID)),
            log=_known_uuid(_text(log, _SUBJECT)),
            action=_text(action, _TYPE),
            occurred_at=_time(_text(time, _TIME)),
            traceparent=None if traceparent is None else _text(traceparent, _TRACEPARENT),
            envelope=raw.value,
            raw=raw,
        )
    except ValueError as error:
        raise RecordMalformed("a header's value is not of its form") from error
    for key in keys:
        if hmac.compare_digest(mac_of(record, key), mac):
            return record
    raise RecordForged("the MAC is not the source's")


def _values(headers: Sequence[tuple[str, bytes | None]]) -> Sequence[bytes | None]:
    """The headers' values in the order of _NAMES; None for one that is not there. Raises RecordMalformed."""
    names, values = zip(*headers, strict=True) if headers else ((), ())
    if None not in values:
        if names == _UNTRACED:
            return *values, None
        if names == _NAMES:
            return values
        # Of another order, or with headers that mean nothing here.
        found = dict(headers)
        if len(found) == len(headers):
            return [found.get(name) for name in _NAMES]
    raise RecordMalformed("a header is repeated, or has no value")


def _text(value: bytes | None, name: str) -> str:
    try:
        if value is not None:
            return value.decode()
    except UnicodeDecodeError:
        pass
    raise RecordMalformed(f"{name} is missing or no UTF-8")


def _whole(value: bytes | None, name: str, below: int) -> int:
    # `int` takes signs, underscores and spaces; the format has one spelling for a number.
    if value is None or not value.isdigit() or (value[0] == 0x30 and len(value) > 1) or len(value) > 19:
        raise RecordMalformed(f"{name} is no decimal number")
    if (found := int(value)) >= below:
        raise RecordMalformed(f"{name} is too great")
    return found


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


#: Generations, buckets and logs come again and again. What raises is not kept, so that nothing kept is long.
_one_of_few: Final = lru_cache(_whole)
_known_uuid: Final = lru_cache(4096)(_uuid)
