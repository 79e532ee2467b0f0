"""What a run says: a table for people, a list for programs, a picture."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.bench.measurement import Measurement


def table(measurements: Sequence[Measurement], missing: Sequence[tuple[str, str]]) -> Table:
    """A line for each figure, and one for each row that has none."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading, justify in (("row", "left"), ("what", "left"), ("result", "right"), ("limit", "right"),
                             ("which is", "left"), ("ratio", "right"), ("goal", "right"), ("", "left")):  # fmt: skip
        drawn.add_column(heading, justify="right" if justify == "right" else "left")
    for each in measurements:
        colour, word = ("green", "met") if each.met else ("red", "missed")
        drawn.add_row(
            each.id,
            escape(each.what),
            f"{number(each.result)} {each.unit}",
            number(each.limit),
            escape(each.against),
            f"{each.ratio:.3g}",
            f"{'≥' if each.at_least else '≤'} {each.goal:g}",
            f"[{colour}]{word}[/{colour}]",
        )
    for row, why in missing:
        drawn.add_row(row, escape(why), "", "", "", "", "", "[yellow]not measured[/yellow]")
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
    console.print(table(measurements, missing))
    console.print()
    for note in notes:
        console.print(f"- {note}", markup=False, soft_wrap=True)
    console.print()
    for name, value in state:
        console.print(f"{name}: {value}", markup=False, soft_wrap=True)
