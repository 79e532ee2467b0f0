"""Telling a file that is no log export from one that is, by how it begins: who took the wrong file is told so, and not
that somebody altered a log."""

import json
import re

from wardenry.log.export import FORMAT

#: So much of a file's beginning is enough: a header is a few thousand bytes.
BEGINNING = 1 << 16

#: The keys of a line are sorted, so a header begins with one of these.
_HEADERS = (b'{"anchor":', b'{"checkpoint":')
_FORMAT = re.compile(rb'"format":"(wardenry-audit-export/[0-9]{1,9})"')
_CSV = b"index,recorded_at,"
ZIP = "a ZIP archive"
_MAGIC = (
    (b"PK\x03\x04", ZIP),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"%PDF-", "a PDF document"),
    (b"SQLite format 3", "a SQLite database"),
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def other_than_export(beginning: bytes) -> str | None:
    """What the file is that begins so ("a PDF document"); None for an export in our format, true or not."""
    stated = _FORMAT.search(beginning.split(b"\n", 1)[0]) if beginning.startswith(b"{") else None
    if stated is not None and stated[1] != FORMAT.encode():
        return f"an export in the format {stated[1].decode()}, which this version does not read"
    if stated is not None or beginning.startswith(_HEADERS):
        return None
    if not beginning:
        return "an empty file"
    for magic, kind in _MAGIC:
        if beginning.startswith(magic):
            return kind
    return _text(beginning.removeprefix(_BYTE_ORDER_MARK))


def _text(beginning: bytes) -> str:
    try:
        # A character may be cut in two where the beginning ends.
        text = beginning.decode(errors="strict" if len(beginning) < BEGINNING else "ignore")
    except UnicodeDecodeError:
        return "binary data"
    if "\x00" in text:
        return "binary data"
    first = text.split("\n", 1)[0].strip()
    if beginning.startswith(_CSV):
        return "a log exported as CSV, which is for spreadsheets and holds no proofs"
    if first.startswith(("{", "[")):
        return _json(first)
    if first.startswith("<"):
        return "a web page"
    if "\n\n\N{EM DASH} " in text:
        return "a signed checkpoint"
    return "a table in CSV" if "," in first or ";" in first else "text"


def _json(first: str) -> str:
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return "JSON, and not one object a line"
    if isinstance(value, dict) and value.get("type") in ("entry", "trailer"):
        return "a part of an export, without its first line"
    if isinstance(value, dict) and "keys" in value:
        return "public keys"
    return "JSON, and nothing that was exported from a log"
