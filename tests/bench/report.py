"""What a run says: a table for people, a list for programs, a picture."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tests.bench.measurement import Measurement

#: From so many columns on the words stand beside the figures.
_WIDE = 130
#: Heading, whether it is of figures, whether it is of words.
_COLUMNS = (
    ("row", False, False),
    ("what", False, True),
    ("result", True, False),
    ("limit", True, False),
    ("which is", False, True),
    ("ratio", True, False),
    ("goal", True, False),
    ("", False, False),
)


def tables(
    measurements: Sequence[Measurement], missing: Sequence[tuple[str, str]], *, width: int
) -> Iterator[RenderableType]:
    """A line for each figure, and one for each row that has none. Where there is no room, what is measured stands below
    the figures."""
    wide = _table(measurements, missing, words=True)
    if width >= _WIDE:
        yield wide
        return
    yield _table(measurements, missing, words=False)
    yield Text()
    told = Table.grid(padding=(0, 2, 0, 0))
    for each in measurements:
        told.add_row(Text(each.id), Text(f"{each.what}; limit: {each.against}"))
    for row, why in missing:
        told.add_row(Text(row), Text(why))
    yield told


def _table(measurements: Sequence[Measurement], missing: Sequence[tuple[str, str]], *, words: bool) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading, right, wordy in _COLUMNS:
        if words or not wordy:
            drawn.add_column(heading, justify="right" if right else "left", no_wrap=not wordy)
    for each in measurements:
        what, against = ([Text(each.what)], [Text(each.against)]) if words else ([], [])
        drawn.add_row(
            Text(each.id),
            *what,
            Text(f"{number(each.result)} {each.unit}"),
            Text(number(each.limit)),
            *against,
            Text(f"{each.ratio:.3g}"),
            Text(f"{'≥' if each.at_least else '≤'} {each.goal:g}"),
            Text("met", "green") if each.met else Text("missed", "red"),
        )
    for row, why in missing:
        drawn.add_row(row, *([Text(why), "", "", ""] if words else ["", ""]), "", "", Text("not measured", "yellow"))
    return drawn


def number(value: float) -> str:
    """Three significant digits; whole where there are more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write_json(measurements: Sequence[Measurement], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([each.as_json() for each in measurements], indent=1) + "\n")


def tell(
    console: Console,
    measurements: Sequence[Measurement],
    *,
    missing: Sequence[tuple[str, str]],
    notes: Sequence[str],
    state: Sequence[tuple[str, str]],
) -> None:
    """The table, the notes, and how things were set."""
    for part in tables(measurements, missing, width=console.width):
        console.print(part)
    console.print()
    for note in notes:
        console.print(_note(note))
    console.print()
    for name, value in state:
        console.print(Text(f"{name}: {value}"))


def _note(text: str) -> Table:
    """Broken between words, each line as far from the edge as the first."""
    line = Table.grid()
    line.add_row(Text("- "), Text(text))
    return line
