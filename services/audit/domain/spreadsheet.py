"""Entries as CSV (RFC 4180) that a spreadsheet shows and does not run."""

import csv
import io
import json
from collections.abc import Iterable

from libs.events.event import ADDRESS, DEVICE_FINGERPRINT, IP_ADDRESS, NAME, PREVIOUS_NAME, USER_AGENT
from libs.spreadsheet import safe
from services.audit.domain.entry import OpenedEntry

_VALUES = (IP_ADDRESS, USER_AGENT, DEVICE_FINGERPRINT, ADDRESS, NAME, PREVIOUS_NAME)
_LEAF = (
    "event_id",
    "occurred_at",
    "source",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "session_id",
    "client",
    "target_kind",
    "target_id",
    "reason",
)
COLUMNS = (
    "index",
    "recorded_at",
    *_LEAF,
    "details",
    "country",
    *(f"{person}_{field}" for person in ("actor", "target") for field in _VALUES),
)
_ERASED = "(erased)"


def heading() -> bytes:
    """The first line."""
    return _written([COLUMNS])


def rows(entries: Iterable[OpenedEntry]) -> bytes:
    """One line for each entry. The columns are always the same; a value that is gone reads "(erased)"."""
    return _written(_cells(entry) for entry in entries)


def _cells(entry: OpenedEntry) -> list[str]:
    shown = entry.leaf.shown()
    cells = [str(entry.stored.index), entry.stored.recorded_at.isoformat()]
    cells += [safe(str(shown[name])) for name in _LEAF]
    cells.append(safe(json.dumps(dict(entry.leaf.details), ensure_ascii=False, sort_keys=True)))
    cells.append(safe(entry.stored.country))
    for person in ("actor", "target"):
        for field in _VALUES:
            opened = entry.values.get((person, field))
            if opened is not None:
                cells.append(safe(opened.value))
            else:
                cells.append(_ERASED if (person, field) in entry.leaf.commitments else "")
    return cells


def _written(lines: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()
