"""What the demo tells while it runs: on a terminal with a spinner, else plainly; and the summary for programs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from libs.terminal_text import harmless
from wardenry.clock import Clock

#: Columns between two of a table, and before a fact.
_GAP, _INDENT = 2, 4
#: Cells that stand out.
_STYLES = {"failure": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One of a table."""

    heading: str
    #: Whether it is left out where the terminal is too narrow for all; programs get it in any case.
    optional: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table that illustrates a step."""

    title: str
    columns: Sequence[Column]
    #: A cell for each column.
    rows: Sequence[Sequence[str]]
    #: A sentence below it that says how it is read; empty without one.
    note: str = ""

    def fitting(self, width: int) -> Sequence[int]:
        """Places of the columns that are shown within so many characters: optional ones go from the right."""
        places = list(range(len(self.columns)))
        needed = [
            max(len(cell) for cell in (column.heading, *(row[place] for row in self.rows)))
            for place, column in enumerate(self.columns)
        ]
        for place in reversed(range(len(self.columns))):
            if sum(needed[each] + _GAP for each in places) - _GAP <= width:
                break
            if self.columns[place].optional:
                places.remove(place)
        return places

    def as_json(self) -> dict[str, Any]:
        headings = [column.heading for column in self.columns]
        return {"title": self.title, "rows": [dict(zip(headings, row, strict=True)) for row in self.rows]}


def counted(number: int, things: str) -> str:
    """So many of them; `things` is their plural, also where there is one."""
    if number == 1:
        things = f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")
    return f"{number:,} {things}"


class StepFailed(Exception):
    """A step of the demo did not hold. Carries the step's name and what went wrong."""

    def __init__(self, step: str, cause: BaseException) -> None:
        super().__init__(f"{step}: {cause or type(cause).__name__}")
        self.step = step


class Narrator:
    """Tells steps as they happen, and remembers them."""

    def __init__(self, *, console: Console, clock: Clock, wraps: bool = True) -> None:
        """`wraps`: whether lines are broken to fit the console. In a file, each fact is one line."""
        self._console = console
        self._clock = clock
        self._wraps = wraps
        self._facts: list[str] = []
        self._sheets: list[Sheet] = []
        self.steps: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step. What goes wrong inside is raised again as StepFailed."""
        began = self._clock.monotonic()
        self._facts, self._sheets = [], []
        try:
            if self._console.is_terminal:
                with self._console.status(f"{escape(name)} ..."):
                    yield
            else:
                yield
        except Exception as error:
            self._tell(f"[red]✗[/red] [bold]{escape(name)}[/bold]")
            raise StepFailed(name, error) from error
        seconds = self._clock.monotonic() - began
        self._tell(f"[green]✓[/green] [bold]{escape(name)}[/bold] [dim]{seconds:.2f} s[/dim]")
        for fact in self._facts:
            for line in self._lines(fact):
                self._console.print(line, soft_wrap=True, highlight=False)
        for sheet in self._sheets:
            self._console.print()
            self._console.print(self._drawn(sheet))
            if sheet.note:
                self._console.print(Text(harmless(sheet.note), "dim"), soft_wrap=not self._wraps)
        self.steps.append(
            {
                "name": name,
                "seconds": round(seconds, 3),
                "facts": self._facts,
                "tables": [sheet.as_json() for sheet in self._sheets],
            }
        )

    def fact(self, text: str) -> None:
        """Something that the step that runs has shown."""
        self._facts.append(text)

    def heading(self, text: str) -> None:
        self._tell(f"\n[bold]{escape(text)}[/bold]")

    def show(self, sheet: Sheet) -> None:
        """What the step that runs is illustrated by, below its facts."""
        self._sheets.append(sheet)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """What is under way before the first step, and may take a while."""
        if not self._console.is_terminal:
            self._tell(text)
            yield
            return
        with self._console.status(escape(text)):
            yield

    def _tell(self, line: str) -> None:
        self._console.print(line, soft_wrap=not self._wraps, highlight=False)

    def _lines(self, fact: str) -> Iterator[Text]:
        text = Text(harmless(fact))
        room = max(_INDENT, self._console.width - _INDENT)
        for line in text.wrap(self._console, room) if self._wraps else [text]:
            line.rstrip()
            yield Text(" " * _INDENT).append_text(line)

    def _drawn(self, sheet: Sheet) -> Table:
        table = Table(
            title=Text(harmless(sheet.title), "italic"),
            title_justify="left",
            header_style="bold",
            box=None,
            pad_edge=False,
            padding=(0, _GAP, 0, 0),
        )
        places = sheet.fitting(self._console.width)
        for place in places:
            column = sheet.columns[place]
            table.add_column(column.heading, overflow="fold", justify="right" if column.right else "left")
        for row in sheet.rows:
            table.add_row(*(Text(harmless(row[place]), _STYLES.get(row[place], "")) for place in places))
        return table
