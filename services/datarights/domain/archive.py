"""The archive of a person's data, written file by file and row by row. docs/formats/archive.md."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final
from uuid import UUID

from libs.spreadsheet import safe
from services.datarights.domain.page import Section, page
from services.datarights.domain.part import Table
from wardenry.archive import MANIFEST, Manifest
from wardenry.subject_data import Value

#: Every file of every archive says so, whenever it was made: equal data give equal bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
#: A file of a table that is expected to take more than this is announced as a large one: its size is not known before
#: its end. It may take some times as much: what one byte stands for may take three when it is indented or escaped.
_LARGE: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose archive it is, made when, for which request."""

    subject: UUID
    request: UUID
    created_at: datetime


class ArchiveWriter:
    """Makes the ZIP file. What is made is taken away with `take`, so that it is never all in memory."""

    def __init__(self, whose: Subject) -> None:
        self._whose = whose
        self._made = _Made()
        self._zip = zipfile.ZipFile(self._made, "w", zipfile.ZIP_DEFLATED)
        self._digests: dict[str, str] = {}

    @contextmanager
    def as_json(self, participant: str, table: Table) -> "Iterator[JsonFile]":
        """The table as JSON, to which its rows are added. One file is open at a time."""
        with self._file(f"data/{participant}/{table.category.name}.json", size=_expected(table)) as file:
            rows = JsonFile(file, table)
            yield rows
            rows.end()

    @contextmanager
    def as_csv(self, participant: str, table: Table) -> "Iterator[CsvFile]":
        """The table as CSV, to which its rows are added. One file is open at a time."""
        with self._file(f"data/{participant}/{table.category.name}.csv", size=_expected(table)) as file:
            yield CsvFile(file, table)

    def end(self, sections: Sequence[Section], *, sign: Callable[[str], str]) -> None:
        """The page, and the manifest, of whose text `sign` makes a signed note. Raises ArchiveInvalid."""
        whose = self._whose
        text = page(subject=whose.subject, request=whose.request, created_at=whose.created_at, sections=sections)
        with self._file("index.html") as file:
            file.write(text.encode(errors="replace"))
        manifest = Manifest(
            request=whose.request, subject=whose.subject, created_at=whose.created_at, files=self._digests
        )
        note = sign(manifest.text()).encode()
        with self._file(MANIFEST) as file:
            file.write(note)
        self._zip.close()

    @property
    def waiting(self) -> int:
        """Bytes that are made and not taken."""
        return self._made.size

    def take(self) -> bytes:
        """The bytes that were made since the last call; together they are the archive."""
        return self._made.take()

    @contextmanager
    def _file(self, name: str, *, size: int = 0) -> "Iterator[_Digested]":
        entry = zipfile.ZipInfo(name, _ZIP_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED
        # A plain file of its owner's, whatever unpacks it.
        entry.external_attr = 0o100600 << 16
        with self._zip.open(entry, "w", force_zip64=size > _LARGE) as inside:
            file = _Digested(inside)
            yield file
        self._digests[name] = file.digest.hexdigest()


class JsonFile:
    """Category, description, purpose, retention, and the rows."""

    def __init__(self, file: "_Digested", table: Table) -> None:
        category = table.category
        self._file = file
        self._fields = category.fields
        self._separator = "\n"
        head = {
            "category": category.name,
            "description": category.description,
            "purpose": category.purpose,
            "retention": category.retention,
        }
        self._file.write((_indented(head, "")[: -len("\n}")] + ',\n "rows": [').encode(errors="replace"))

    def add(self, rows: Sequence[Mapping[str, Value]]) -> None:
        for row in rows:
            text = _indented({field: row.get(field) for field in self._fields}, "  ")
            self._file.write(f"{self._separator}  {text}".encode(errors="replace"))
            self._separator = ",\n"

    def end(self) -> None:
        self._file.write(b"]\n}\n" if self._separator == "\n" else b"\n ]\n}\n")


class CsvFile:
    """A heading, and a line for each row."""

    def __init__(self, file: "_Digested", table: Table) -> None:
        self._file = file
        self._fields = table.category.fields
        self._write([list(self._fields)])

    def add(self, rows: Sequence[Mapping[str, Value]]) -> None:
        self._write([[cell(row.get(field)) for field in self._fields] for row in rows])

    def _write(self, lines: Sequence[Sequence[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows([safe(each) for each in line] for line in lines)
        self._file.write(text.getvalue().encode(errors="replace"))


class _Digested:
    """A file of the archive, and the digest of what is in it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, content: bytes) -> None:
        self.digest.update(content)
        self._file.write(content)


class _Made(io.RawIOBase):
    """What zipfile writes to: it cannot go back, so what was written can be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, content: "bytes | bytearray | memoryview") -> int:  # type: ignore[override] # of what zipfile gives
        part = bytes(content)
        self._parts.append(part)
        self.size += len(part)
        return len(part)

    def take(self) -> bytes:
        content = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        return content


def cell(value: Value) -> str:
    """A value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int):
        return str(value)
    return ", ".join(value)


def _expected(table: Table) -> int:
    """Bytes that a file of the table takes, about."""
    # A field without a value may not be in the row, and is in the file.
    return table.size + table.rows * sum(len(field.encode()) + 16 for field in table.category.fields)


def _indented(stated: Mapping[str, object], by: str) -> str:
    # A line break within a value is escaped, so each of these ends a line of ours.
    return json.dumps(stated, ensure_ascii=False, indent=1).replace("\n", f"\n{by}")
