"""What the demo tells while it runs: on a terminal with a spinner, else plainly; and the summary for programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wardenry.clock import Clock


class StepFailed(Exception):
    """A step of the demo did not hold. Carries the step's name and what went wrong."""

    def __init__(self, step: str, cause: BaseException) -> None:
        super().__init__(f"{step}: {cause or type(cause).__name__}")
        self.step = step


class Narrator:
    """Tells steps as they happen, and remembers them."""

    def __init__(self, *, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._facts: list[str] = []
        self._tables: list[Table] = []
        self.steps: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step. What goes wrong inside is raised again as StepFailed."""
        began = self._clock.monotonic()
        self._facts, self._tables = [], []
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
            self._tell(f"    {escape(fact)}")
        for table in self._tables:
            self._console.print()
            self._console.print(table)
        self.steps.append({"name": name, "seconds": round(seconds, 3), "facts": self._facts})

    def fact(self, text: str) -> None:
        """Something that the step that runs has shown."""
        self._facts.append(text)

    def heading(self, text: str) -> None:
        self._tell(f"\n[bold]{escape(text)}[/bold]")

    def show(self, table: Table) -> None:
        """What the step that runs is illustrated by, below its facts."""
        self._tables.append(table)

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
        self._console.print(line, soft_wrap=True, highlight=False)
