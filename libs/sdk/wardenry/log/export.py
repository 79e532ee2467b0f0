"""Exports of a log as JSON Lines: each entry with its leaf, values and proof. docs/formats/export.md specifies them.

A file is a header, entries in the order of the log, and a trailer whose signed note covers every byte before it. Each
line is written in one way only, so that a line read and written again is the same bytes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from wardenry.log.anchor import Anchor
from wardenry.log.note import NoteInvalid, NoteSigner, decode_base64, encode_base64

FORMAT = "wardenry-audit-export/1"
#: No line is longer: a leaf of 64 KiB, its details shown once more, 32 values of 1 KiB, all escaped.
MAX_LINE_BYTES = 4 * 1024 * 1024
#: RFC 3339 in UTC with 0, 3, 6 or 9 digits of fraction.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.([0-9]{3}){1,3})?Z")


class ExportInvalid(ValueError):
    """A line is not what the format allows at its place."""


class ExportCut(ExportInvalid):
    """The file ends inside a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportHeader:
    """The first line."""

    log: UUID
    origin: str
    #: Signed note over the tree that the proofs lead to.
    checkpoint: str
    #: What was asked for; empty when everything was.
    filter: Mapping[str, object]
    #: That a prefix of this tree is in the platform log; None while none is.
    anchor: Anchor | None = None

    def line(self) -> bytes:
        return encode_line(
            {
                **({"anchor": _anchored(self.anchor)} if self.anchor else {}),
                "checkpoint": self.checkpoint,
                "filter": dict(self.filter),
                "format": FORMAT,
                "log": str(self.log),
                "origin": self.origin,
                "type": "header",
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportValue:
    """A personal value, or the place where one was."""

    person: str
    field: str
    #: As in the commitment; None when the value has expired or been erased.
    salt: bytes | None
    #: None when it has expired or been erased.
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportEntry:
    """One entry of the log."""

    index: int
    leaf: bytes
    #: The inclusion proof, from the leaf up.
    proof: Sequence[bytes]
    #: When it entered the log, RFC 3339: the operator's word, covered by the trailer's signature alone.
    recorded_at: str
    #: `Leaf.shown()` of the leaf, for people who read the file.
    shown: Mapping[str, object]
    #: One for each commitment, in the leaf's order.
    values: Sequence[ExportValue]

    def line(self) -> bytes:
        return encode_line(
            {
                "index": self.index,
                "leaf": encode_base64(self.leaf),
                "proof": [encode_base64(each) for each in self.proof],
                "recorded_at": self.recorded_at,
                "shown": self.shown,
                "type": "entry",
                "values": [_written(value) for value in self.values],
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTrailer:
    """The last line."""

    count: int
    #: Signed note over `trailer_text`.
    signature: str

    def line(self) -> bytes:
        return encode_line({"count": self.count, "signature": self.signature, "type": "trailer"})


def trailer_text(*, origin: str, count: int, digest: bytes) -> str:
    """What the trailer's note says: format, origin, number of entries, SHA-256 over all bytes before the trailer."""
    return f"{FORMAT}\n{origin}\n{count}\n{encode_base64(digest)}\n"


class ExportWriter:
    """Writes one export, line by line; keeps a count and a running hash, and nothing else."""

    def __init__(self, *, header: ExportHeader) -> None:
        self._header = header
        self._digest = hashlib.sha256()
        self._count = 0

    def header(self) -> bytes:
        return self._counted(self._header.line())

    def entries(self, entries: Sequence[ExportEntry]) -> bytes:
        self._count += len(entries)
        return self._counted(b"".join(entry.line() for entry in entries))

    def trailer(self, signer: NoteSigner) -> bytes:
        text = trailer_text(origin=self._header.origin, count=self._count, digest=self._digest.digest())
        return ExportTrailer(count=self._count, signature=signer.sign(text)).line()

    def _counted(self, data: bytes) -> bytes:
        self._digest.update(data)
        return data


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines, each with its newline. Raises ExportInvalid for one that is too long, ExportCut for one not ended."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            raise ExportInvalid("the line is too long")
        if not line.endswith(b"\n"):
            raise ExportCut("the file ends inside a line")
        yield line


def parse_line(line: bytes) -> ExportHeader | ExportEntry | ExportTrailer:
    """What the line says. Raises ExportInvalid."""
    fields = _object(line)
    kind = fields.get("type")
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        raise ExportInvalid("the line is neither header, entry nor trailer")
    try:
        parsed = parser(fields)
        # Half a surrogate pair, or what is nested deeply, can be read and not be written.
        written = parsed.line()
    except (KeyError, TypeError, NoteInvalid, ValueError, RecursionError):
        raise ExportInvalid(f"a field of the {kind} is missing or malformed") from None
    if written != line:
        raise ExportInvalid(f"the {kind} is not written as the format asks")
    return parsed


def encode_line(fields: Mapping[str, object]) -> bytes:
    """JSON without spaces, keys in the order of their code points, only what must be escaped escaped, a newline."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _object(line: bytes) -> dict[str, object]:
    try:
        fields = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise ExportInvalid("the line is no JSON") from None
    if not isinstance(fields, dict):
        raise ExportInvalid("the line is no JSON object")
    return fields


def _header(fields: Mapping[str, object]) -> ExportHeader:
    if fields["format"] != FORMAT:
        raise ExportInvalid(f"the format is not {FORMAT}")
    return ExportHeader(
        log=UUID(_text(fields["log"])),
        origin=_text(fields["origin"]),
        checkpoint=_text(fields["checkpoint"]),
        filter=_mapping(fields["filter"]),
        anchor=_anchor(_mapping(fields["anchor"])) if "anchor" in fields else None,
    )


def _anchor(fields: Mapping[str, object]) -> Anchor:
    return Anchor(
        nonce=decode_base64(_text(fields["nonce"])),
        checkpoint=_text(fields["checkpoint"]),
        consistency=[decode_base64(_text(each)) for each in _list(fields["consistency"])],
        leaf=decode_base64(_text(fields["leaf"])),
        index=_number(fields["index"]),
        inclusion=[decode_base64(_text(each)) for each in _list(fields["inclusion"])],
        platform_checkpoint=_text(fields["platform_checkpoint"]),
    )


def _anchored(anchor: Anchor) -> dict[str, object]:
    return {
        "checkpoint": anchor.checkpoint,
        "consistency": [encode_base64(each) for each in anchor.consistency],
        "inclusion": [encode_base64(each) for each in anchor.inclusion],
        "index": anchor.index,
        "leaf": encode_base64(anchor.leaf),
        "nonce": encode_base64(anchor.nonce),
        "platform_checkpoint": anchor.platform_checkpoint,
    }


def _entry(fields: Mapping[str, object]) -> ExportEntry:
    return ExportEntry(
        index=_number(fields["index"]),
        leaf=decode_base64(_text(fields["leaf"])),
        proof=[decode_base64(_text(each)) for each in _list(fields["proof"])],
        recorded_at=_time(fields["recorded_at"]),
        shown=_mapping(fields["shown"]),
        values=[_value(_mapping(each)) for each in _list(fields["values"])],
    )


def _trailer(fields: Mapping[str, object]) -> ExportTrailer:
    return ExportTrailer(count=_number(fields["count"]), signature=_text(fields["signature"]))


_PARSERS: Mapping[str, Callable[[Mapping[str, object]], ExportHeader | ExportEntry | ExportTrailer]] = {
    "header": _header,
    "entry": _entry,
    "trailer": _trailer,
}


def _value(fields: Mapping[str, object]) -> ExportValue:
    person, field = _text(fields["person"]), _text(fields["field"])
    if "erased" in fields:
        return ExportValue(person=person, field=field, salt=None, value=None)
    return ExportValue(
        person=person, field=field, salt=decode_base64(_text(fields["salt"])), value=_text(fields["value"])
    )


def _written(value: ExportValue) -> dict[str, object]:
    if value.salt is None or value.value is None:
        return {"erased": True, "field": value.field, "person": value.person}
    return {
        "field": value.field,
        "person": value.person,
        "salt": encode_base64(value.salt),
        "value": value.value,
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _time(value: object) -> str:
    text = _text(value)
    if not _TIME.fullmatch(text):
        raise ValueError
    datetime.fromisoformat(text)
    return text


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError
    return value
