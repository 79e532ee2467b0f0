"""The page of an archive that explains it to people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final
from uuid import UUID

from libs.spreadsheet import visible
from services.datarights.domain.part import Table

#: Rows that the page shows of a category; the files have them all.
SHOWN: Final = 200
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;color:#1c2430}"
    "h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid #d5dbe3;text-transform:capitalize}"
    "dl{display:grid;grid-template-columns:8rem 1fr;gap:.25rem 1rem;color:#4a5568}dd{margin:0}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #e6eaf0;"
    "overflow-wrap:anywhere}th{background:#f4f6f9;white-space:nowrap}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One category of one participant."""

    participant: str
    table: Table
    #: The first rows, as texts.
    rows: Sequence[Mapping[str, str]]


def page(*, subject: UUID, request: UUID, created_at: datetime, sections: Sequence[Section]) -> str:
    """A page without scripts, which loads nothing."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width"><title>Your data</title>'
        f"<style>{_STYLE}</style>"
        "<h1>Your data</h1>"
        "<p>Everything that is held about you, gathered from every service. Each section is in the directory "
        "<code>data</code> too, as JSON and as CSV; <code>manifest.note</code> lists the files and is signed.</p>"
        f"<dl><dt>Person</dt><dd>{subject}</dd><dt>Request</dt><dd>{request}</dd>"
        f"<dt>Made</dt><dd>{escape(created_at.isoformat(timespec='seconds'))}</dd></dl>"
        f"{''.join(_shown_section(each) for each in sections)}\n"
    )


def _shown_section(section: Section) -> str:
    category = section.table.category
    told = (("What", category.description), ("Why", category.purpose), ("How long", category.retention))
    facts = "".join(f"<dt>{name}</dt><dd>{_shown(text)}</dd>" for name, text in told)
    rows = section.rows[:SHOWN]
    hidden = section.table.rows - len(rows)
    more = f"<p>{hidden} more are in the files.</p>" if hidden > 0 else ""
    table = "<p>Nothing.</p>"
    if rows:
        heading = "".join(f"<th>{_shown(field)}</th>" for field in category.fields)
        body = "".join(
            "<tr>" + "".join(f"<td>{_shown(row.get(field, ''))}</td>" for field in category.fields) + "</tr>"
            for row in rows
        )
        table = f'<div class="scroll"><table><tr>{heading}</tr>{body}</table></div>{more}'
    title = category.name.replace("-", " ")
    return f"<h2>{_shown(title)} <small>{_shown(section.participant)}</small></h2><dl>{facts}</dl>{table}"


def _shown(text: str) -> str:
    return escape(visible(text))
