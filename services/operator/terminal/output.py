"""What the command writes: tables for people on stdout, JSON for programs on stdout, errors as one line on stderr."""

import json
import sys
from collections.abc import Mapping
from typing import NoReturn

import typer
from rich.console import Console, RenderableType

from services.operator.terminal.exits import Exit


def show(*parts: RenderableType) -> None:
    """For a person: in colour on a terminal alone, within its width or 80 columns. Text is taken as it is, without
    rich's markup."""
    console = Console(highlight=False, markup=False, emoji=False)
    for part in parts:
        console.print(part)


def show_json(content: Mapping[str, object]) -> None:
    """For a program: one object, nothing else."""
    sys.stdout.write(json.dumps(content, indent=1) + "\n")


def fail(line: str, code: Exit) -> NoReturn:
    """Ends the command with one line on stderr."""
    sys.stderr.write(f"{line}\n")
    raise typer.Exit(code)
