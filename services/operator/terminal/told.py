"""What services told of themselves, as `wardenry status` shows it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from rich.table import Table
from rich.text import Text

from services.operator.domain.clocks import SLIGHT_SKEW
from services.operator.domain.durations import age
from services.operator.domain.queues import LONG
from services.operator.domain.status import Part
from services.operator.domain.told import Backlog, Clock, Outbox, Parked
from services.operator.terminal.output import table

_NONE = Text("none")
_UNKNOWN = Text("not known", "yellow")


def told_table(parts: Sequence[Part]) -> Table | None:
    """A row for each service that told; None when none did."""
    rows = table("service", "clock", "events under way", "parked")
    for part in parts:
        if part.told is not None:
            rows.add_row(part.name, _clock(part.told.clock), _outbox(part.told.outbox), _parked(part.told.parked))
    return rows if rows.row_count else None


def _clock(clock: Clock) -> Text:
    if clock.ahead == timedelta(0):
        return Text("right")
    seconds = clock.ahead.total_seconds()
    return Text(f"{seconds:+,.1f} s", "red" if abs(clock.ahead) > SLIGHT_SKEW else "")


def _outbox(outbox: Outbox | None) -> Text:
    if outbox is None:
        return _UNKNOWN
    lines = [line for each in outbox.backlogs for line in _backlog(each)]
    return Text("\n").join(lines) if lines else _NONE


def _backlog(backlog: Backlog) -> Iterator[Text]:
    if backlog.ahead:
        yield Text(f"{backlog.consumer} is ahead of the database", "red")
    elif backlog.events is None:
        yield Text(f"to {backlog.consumer}: not known", "yellow")
    elif backlog.events:
        oldest = "no longer kept" if backlog.oldest is None else f"oldest {age(backlog.oldest)}"
        late = backlog.oldest is None or backlog.oldest > LONG
        yield Text(f"to {backlog.consumer}: {backlog.events:,}, {oldest}", "red" if late else "")


def _parked(parked: Sequence[Parked] | None) -> Text:
    if parked is None:
        return _UNKNOWN
    if not parked:
        return _NONE
    return Text(", ".join(f"{each.records:,} {each.reason}" for each in parked), "red")


def told_as_json(part: Part) -> dict[str, object] | None:
    """The same for programs; None for who did not tell."""
    if part.told is None:
        return None
    told = part.told
    return {
        "clock_ahead_ms": {"least": _milliseconds(told.clock.least), "most": _milliseconds(told.clock.most)},
        "outbox": None if told.outbox is None else _outbox_as_json(told.outbox),
        "parked": None if told.parked is None else [_parked_as_json(each) for each in told.parked],
    }


def _outbox_as_json(outbox: Outbox) -> dict[str, object]:
    return {
        "unnumbered": outbox.unnumbered,
        "oldest_unnumbered_seconds": _seconds(outbox.oldest_unnumbered),
        "backlogs": [
            {
                "consumer": each.consumer,
                "events": each.events,
                "oldest_seconds": _seconds(each.oldest),
                "ahead": each.ahead,
            }
            for each in outbox.backlogs
        ],
    }


def _parked_as_json(parked: Parked) -> dict[str, object]:
    return {
        "reason": parked.reason,
        "records": parked.records,
        "first_at": parked.first_at.isoformat(),
        "last_at": parked.last_at.isoformat(),
    }


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 3)


def _milliseconds(length: timedelta) -> float:
    return round(length.total_seconds() * 1000, 3)
