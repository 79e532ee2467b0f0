"""The page of an archive that explains it to people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from typing import Final
from uuid import UUID

from libs.spreadsheet import visible
from services.datarights.domain.page_style import STYLE
from services.datarights.domain.part import Table

#: Rows that the page shows of a category; the files have them all.
SHOWN: Final = 200
#: What people call what a service does, and what it is. A service that is not here goes by its own name.
_SERVICES: Final = {
    "identity": ("Your account", "Who you are here, and how you prove it."),
    "session": ("Signing in", "Where and how you are or were signed in."),
    "tenancy": ("Workspaces", "Where you work with others."),
    "audit": ("What was recorded", "The logs' entries that you are in."),
    "datarights": ("Your requests", "What you asked about your own data."),
}
_LABELS: Final = {
    "authenticated_at": "Proved who you are",
    "ip_address": "IP address",
    "recorded_at": "Entered the log",
    "user_agent": "Browser",
    "client": "Application",
    "methods": "Proved by",
}
#: How the names of fields end that are times.
_TIME: Final = "_at"
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
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
    groups = [(name, list(some)) for name, some in groupby(sections, key=lambda section: section.participant)]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Your data</title><style>{STYLE}</style>"
        "<h1>Your data</h1>"
        f"<p>Everything that is held about you, gathered on {_moment(created_at)} from every service.</p>"
        '<p class="quiet">Times are in UTC, the time of the zero meridian. A dash means that nothing is held there.</p>'
        f"<nav><ul>{''.join(_entry(*group) for group in groups)}</ul></nav>"
        f"{''.join(_shown_service(*group) for group in groups)}"
        "<h2>This archive</h2>"
        "<p>All of this is in the directory <code>data</code> too: as JSON for programs, as CSV for spreadsheets. "
        "<code>manifest.note</code> lists every file with its digest and is signed, so anybody can check that nothing "
        "was changed: <code>wardenry-verify --archive</code> does, with the public key that the deployment shows at "
        "<code>/api/v1/archive-keys</code>.</p>"
        f'<dl class="facts"><dt>Person</dt><dd><code>{subject}</code></dd>'
        f"<dt>Request</dt><dd><code>{request}</code></dd></dl>\n"
    )


def _entry(participant: str, sections: Sequence[Section]) -> str:
    rows = sum(section.table.rows for section in sections)
    return f'<li><a href="#{_shown(participant)}">{_shown(_title(participant))}<small>{_counted(rows)}</small></a></li>'


def _shown_service(participant: str, sections: Sequence[Section]) -> str:
    told = _SERVICES.get(participant, ("", ""))[1]
    about = f'<p class="quiet">{told}</p>' if told else ""
    return (
        f'<section id="{_shown(participant)}"><h2>{_shown(_title(participant))}</h2>{about}'
        f"{''.join(_shown_section(section) for section in sections)}</section>"
    )


def _shown_section(section: Section) -> str:
    category = section.table.category
    facts = (("Why it is held", category.purpose), ("For how long", category.retention))
    told = "".join(f"<dt>{name}</dt><dd>{_shown(text)}</dd>" for name, text in facts)
    file = _shown(f"data/{section.participant}/{category.name}")
    files = f'<a href="{file}.json">JSON</a>, <a href="{file}.csv">CSV</a>'
    return (
        f"<h3>{_shown(_label(category.name))} <small>{_counted(section.table.rows)}</small></h3>"
        f"<p>{_shown(category.description)}</p>{_shown_rows(section)}"
        f'<dl class="facts">{told}<dt>Files</dt><dd>{files}</dd></dl>'
    )


def _shown_rows(section: Section) -> str:
    fields, rows = section.table.category.fields, section.rows[:SHOWN]
    hidden = section.table.rows - len(rows)
    more = f'<p class="quiet">{hidden:,} more are in the files.</p>' if hidden > 0 else ""
    if not rows:
        return f'<p class="record">Nothing is held here.</p>{more}'
    if len(rows) == 1:
        each = "".join(
            f"<dt>{_shown(_label(field))}</dt><dd>{_value(field, rows[0].get(field, ''))}</dd>" for field in fields
        )
        return f'<dl class="record">{each}</dl>{more}'
    heading = "".join(f"<th>{_shown(_label(field))}</th>" for field in fields)
    body = "".join("<tr>" + "".join(_cell(field, row.get(field, "")) for field in fields) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" tabindex="0">{table}</div>{more}'


def _cell(field: str, text: str) -> str:
    # On a phone each cell stands under its label, and one without a value is left out.
    empty = "" if text else ' class="none"'
    return f'<td data-label="{_shown(_label(field))}"{empty}>{_value(field, text)}</td>'


def _value(field: str, text: str) -> str:
    if not text:
        return "–"
    # A name may look like a time, and stays what it is.
    if not field.endswith(_TIME):
        return _shown(text)
    try:
        moment = datetime.fromisoformat(text)
        # A time without a zone would be shown as one that it may not be.
        return _shown(text) if moment.tzinfo is None else _moment(moment)
    except (ValueError, OverflowError):
        # No time, or one that in UTC is before or behind all years.
        return _shown(text)


def _moment(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    text = f"{at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M:%S} UTC"
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{text}</time>'


def _title(participant: str) -> str:
    return _SERVICES.get(participant, (participant.capitalize(), ""))[0]


def _label(name: str) -> str:
    """The name of a field or category as people read it."""
    words = _LABELS.get(name) or name.replace("_", " ").replace("-", " ").removesuffix(" at")
    return words[:1].upper() + words[1:]


def _counted(rows: int) -> str:
    return f"{rows:,} record" + ("" if rows == 1 else "s")


def _shown(text: str) -> str:
    return escape(visible(text))
