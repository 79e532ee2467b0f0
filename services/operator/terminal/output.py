"""What the command writes: tables for people on stdout, JSON for programs on stdout, errors as one line on stderr."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from libs.terminal_text import OutputLost, harmless, written
from services.operator.terminal.exits import Exit


def show(*parts: RenderableType) -> None:
    """For a person: in colour on a terminal alone, within its width, or 80 columns where there is none. Text is taken
    as it is, without rich's markup."""
    console = _Harmless(highlight=False, markup=False, emoji=False)
    with _written():
        for part in parts:
            console.print(part)


def width() -> int:
    """Columns of the terminal; what COLUMNS says, or 80, where there is none."""
    return Console().width


def show_whole(line: str) -> None:
    """A line that is copied, such as a link: never broken, whatever the width."""
    _write(f"{harmless(line)}\n")


def show_json(content: Mapping[str, object] | Sequence[object]) -> None:
    """For a program: one document, nothing else."""
    _write(json.dumps(content, indent=1) + "\n")


def _write(text: str) -> None:
    if sys.stdout is not None:  # closed before we began
        with _written():
            sys.stdout.write(text)


@contextmanager
def _written() -> Iterator[None]:
    """What is written within arrives, or whoever waits for it is told so."""
    try:
        with written():
            yield
    except OutputLost as error:
        fail(str(error), Exit.OUTPUT)


def table(*headings: str) -> Table:
    """One without lines, whose cells wrap rather than be cut."""
    rows = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        rows.add_column(heading, overflow="fold")
    return rows


def troubles(named: Sequence[tuple[str, str]]) -> Sequence[Text]:
    """A line for each, in the colour of what is wrong."""
    return [Text(f"{name}: {what}", "red") for name, what in named]


def fail(line: str, code: Exit) -> NoReturn:
    """Ends the command with one line on stderr."""
    sys.stderr.write(f"{harmless(line)}\n")
    raise typer.Exit(code)


class _Harmless(Console):
    """Shows text, and no commands but rich's own, which are no text yet where this stands."""

    def on_broken_pipe(self) -> None:
        """Rich would end the command here, with an exit code of its own."""
        raise BrokenPipeError

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                lines = segment.text.split("\n")
                yield segment._replace(text="\n".join(harmless(line) for line in lines))
