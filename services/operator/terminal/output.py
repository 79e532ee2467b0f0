"""What the command writes: tables for people on stdout, JSON for programs on stdout, errors as one line on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from services.operator.terminal.exits import Exit


def show(*parts: RenderableType) -> None:
    """For a person: in colour on a terminal alone, within its width, or 80 columns where there is none. Text is taken
    as it is, without rich's markup."""
    console = Console(highlight=False, markup=False, emoji=False)
    for part in parts:
        console.print(part)


def show_whole(line: str) -> None:
    """A line that is copied, such as a link: never broken, whatever the width."""
    sys.stdout.write(f"{line}\n")


def show_json(content: Mapping[str, object] | Sequence[object]) -> None:
    """For a program: one document, nothing else."""
    sys.stdout.write(json.dumps(content, indent=1) + "\n")


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
    sys.stderr.write(f"{line}\n")
    raise typer.Exit(code)
