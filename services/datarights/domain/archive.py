"""The archive of a person's data: its files, and the page that explains them. docs/formats/archive.md."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from uuid import UUID

from libs.spreadsheet import safe
from services.datarights.domain.errors import ParticipantInvalid
from wardenry.archive import MANIFEST, Manifest
from wardenry.subject_data import Category, Row, Value

#: Every file of every archive says so, whenever it was made: equal data give equal bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;color:#1c2430}"
    "h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid #d5dbe3;text-transform:capitalize}"
    "dl{display:grid;grid-template-columns:8rem 1fr;gap:.25rem 1rem;color:#4a5568}dd{margin:0}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #e6eaf0;"
    "overflow-wrap:anywhere}th{background:#f4f6f9;white-space:nowrap}"
)
#: Rows that the page shows of a category; the files have them all.
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Part:
    """What one participant holds about a person."""

    participant: str
    categories: tuple[Category, ...]
    rows: tuple[Row, ...]

    def to_bytes(self) -> bytes:
        """As it is kept until the archive is made."""
        return json.dumps(
            {
                "participant": self.participant,
                "categories": [
                    [each.name, each.description, each.purpose, each.retention, list(each.fields)]
                    for each in self.categories
                ],
                "rows": [[row.category, dict(row.values)] for row in self.rows],
            }
        ).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Part":
        """What `to_bytes` gave."""
        stated = json.loads(content)
        return cls(
            stated["participant"],
            tuple(
                Category(name=name, description=what, purpose=why, retention=how_long, fields=tuple(fields))
                for name, what, why, how_long, fields in stated["categories"]
            ),
            tuple(Row(category, values) for category, values in stated["rows"]),
        )

    def check(self) -> None:
        """Raises ParticipantInvalid for a row that the participant's own description does not fit."""
        fields = {each.name: set(each.fields) for each in self.categories}
        if any(row.category not in fields or row.values.keys() - fields[row.category] for row in self.rows):
            raise ParticipantInvalid(self.participant)

    def of(self, category: Category) -> list[Mapping[str, Value]]:
        """The rows of a category."""
        return [row.values for row in self.rows if row.category == category.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose archive it is, made when, for which request."""

    subject: UUID
    request: UUID
    created_at: datetime


def archive(whose: Subject, parts: Sequence[Part], *, sign: Callable[[str], str]) -> bytes:
    """The archive as a ZIP file. `sign` makes a signed note of the manifest's text. Raises ArchiveInvalid."""
    files = dict(_files(whose, parts))
    manifest = Manifest(
        request=whose.request,
        subject=whose.subject,
        created_at=whose.created_at,
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in [("index.html", files.pop("index.html")), *files.items()]:
            file.writestr(_entry(name), content)
        file.writestr(_entry(MANIFEST), sign(manifest.text()))
    return packed.getvalue()


def _files(whose: Subject, parts: Sequence[Part]) -> Iterator[tuple[str, bytes]]:
    for part in parts:
        for category in part.categories:
            rows = part.of(category)
            yield f"data/{part.participant}/{category.name}.json", _json(category, rows)
            yield f"data/{part.participant}/{category.name}.csv", _csv(category, rows)
    yield "index.html", _page(whose, parts).encode()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    # A plain file of its owner's, whatever unpacks it.
    entry.external_attr = 0o100600 << 16
    return entry


def _json(category: Category, rows: Sequence[Mapping[str, Value]]) -> bytes:
    stated = {
        "category": category.name,
        "description": category.description,
        "purpose": category.purpose,
        "retention": category.retention,
        "rows": [{field: row.get(field) for field in category.fields} for row in rows],
    }
    return (json.dumps(stated, ensure_ascii=False, indent=1) + "\n").encode(errors="replace")


def _csv(category: Category, rows: Sequence[Mapping[str, Value]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(safe(field) for field in category.fields)
    for row in rows:
        writer.writerow(safe(_text(row.get(field))) for field in category.fields)
    return text.getvalue().encode(errors="replace")


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int):
        return str(value)
    return ", ".join(value)


def _page(whose: Subject, parts: Sequence[Part]) -> str:
    sections = "".join(_section(part, category) for part in parts for category in part.categories)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width"><title>Your data</title>'
        f"<style>{_STYLE}</style>"
        "<h1>Your data</h1>"
        "<p>Everything that is held about you, gathered from every service. Each section is in the directory "
        "<code>data</code> too, as JSON and as CSV; <code>manifest.note</code> lists the files and is signed.</p>"
        f"<dl><dt>Person</dt><dd>{whose.subject}</dd><dt>Request</dt><dd>{whose.request}</dd>"
        f"<dt>Made</dt><dd>{escape(whose.created_at.isoformat(timespec='seconds'))}</dd></dl>{sections}\n"
    )


def _section(part: Part, category: Category) -> str:
    rows = part.of(category)
    told = (("What", category.description), ("Why", category.purpose), ("How long", category.retention))
    facts = "".join(f"<dt>{name}</dt><dd>{_shown(text)}</dd>" for name, text in told)
    more = f"<p>{len(rows) - _SHOWN} more are in the files.</p>" if len(rows) > _SHOWN else ""
    table = "<p>Nothing.</p>"
    if rows:
        heading = "".join(f"<th>{_shown(field)}</th>" for field in category.fields)
        body = "".join(
            "<tr>" + "".join(f"<td>{_shown(_text(row.get(field)))}</td>" for field in category.fields) + "</tr>"
            for row in rows[:_SHOWN]
        )
        table = f'<div class="scroll"><table><tr>{heading}</tr>{body}</table></div>{more}'
    title = category.name.replace("-", " ")
    return f"<h2>{_shown(title)} <small>{_shown(part.participant)}</small></h2><dl>{facts}</dl>{table}"


def _shown(text: str) -> str:
    # As in cells: what cannot be seen must not turn the page's text around.
    return escape("".join(each if each.isprintable() else f"\\u{{{ord(each):04x}}}" for each in text))
