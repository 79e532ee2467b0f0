"""`wardenry controls check` and `wardenry controls list`."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.status import Status
from rich.table import Table
from rich.text import Text

from libs.controls.catalogue.catalogue import CATALOGUE, CONTROLS
from libs.controls.result import Result, Verdict
from services.operator.terminal.exits import Exit
from services.operator.terminal.output import fail, show, show_json, table, width
from services.operator.terminal.running import Opened, run

if TYPE_CHECKING:  # the probes bring clients of everything, which `--help` shall not wait for
    from services.operator.commands.controls import CheckControls

_STYLES = {Verdict.KEPT: "green", Verdict.BROKEN: "bold red", Verdict.UNKNOWN: "yellow"}
#: From so many columns on a result is a row of a table; narrower, what was seen stands below the promise.
#: The exit code is the worst verdict's. 2 is also typer's, of a wrong command line: in either case nothing is known.
_WIDE, _INDENT = 120, 14
_EXITS = {Verdict.KEPT: Exit.OK, Verdict.BROKEN: Exit.NOT_WELL, Verdict.UNKNOWN: Exit.USAGE}


def register(application: typer.Typer, opened: "Opened[CheckControls]") -> None:
    controls = typer.Typer(
        name="controls", help="What the product promises, and whether it is kept here.", no_args_is_help=True
    )
    application.add_typer(controls)

    @controls.command("check")
    def check(
        ids: Annotated[
            list[str] | None, typer.Argument(metavar="ID", help="Controls, such as T2. Without: all that have a probe.")
        ] = None,
        evidence: Annotated[bool, typer.Option("--evidence", help="Show all that was seen of each control.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="A list of results for programs.")] = False,
    ) -> None:
        """Probe the running deployment.

        The exit code is 0 when every control is kept, 1 when one is broken, 2 when one
        could not be probed and none is broken."""
        from services.operator.commands.controls import ControlUnknown, chosen

        try:
            probes = chosen(ids or [])
        except ControlUnknown as error:
            fail(str(error), Exit.USAGE)
        with _Progress(list(probes)) as progress:
            results = run(opened, lambda use_case: use_case(ids or [], on_result=progress.done))
        if as_json:
            show_json([result.as_json() for result in results])
        else:
            show(*_results(results), *_details(results, evidence=evidence), *_summary(results))
        raise typer.Exit(_EXITS[_worst(results)])

    @controls.command("list")
    def catalogue(
        as_json: Annotated[bool, typer.Option("--json", help="A list of controls for programs.")] = False,
    ) -> None:
        """Show every control and how far it is built.

        What is promised, whether it is built, and whether it is probed; with --json also what is seen while it is kept.
        """
        from services.operator.terminal.catalogue import catalogue_as_json, catalogue_table, standings

        if as_json:
            show_json(catalogue_as_json())
        else:
            show(*catalogue_table(), Text(), *standings())


class _Progress:
    """Says on a terminal's standard error what is still under way; elsewhere nothing."""

    def __init__(self, controls: Sequence[str]) -> None:
        self._waiting = list(controls)
        self._status: Status | None = None

    def __enter__(self) -> "_Progress":
        if sys.stderr.isatty():
            self._status = Console(stderr=True, highlight=False).status(self._told())
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def done(self, result: Result) -> None:
        self._waiting.remove(result.control)
        if self._status is not None:
            self._status.update(self._told())

    def _told(self) -> str:
        return f"Probing {', '.join(self._waiting)} …"


def _worst(results: Sequence[Result]) -> Verdict:
    verdicts = {result.verdict for result in results}
    return next((each for each in (Verdict.BROKEN, Verdict.UNKNOWN) if each in verdicts), Verdict.KEPT)


def _results(results: Sequence[Result]) -> Iterator[RenderableType]:
    if width() >= _WIDE:
        yield _wide(results)
        return
    for result in results:
        line = Text.assemble(f"{result.control:<5}", (f"{result.verdict:<9}", _STYLES[result.verdict]))
        yield line.append(CONTROLS[result.control].promise)
        yield Padding(Text(_seen(result)), (0, 0, 0, _INDENT), expand=False)


def _wide(results: Sequence[Result]) -> Table:
    rows = table("control", "promise", "verdict", "evidence")
    for result in results:
        verdict = Text(result.verdict, _STYLES[result.verdict])
        rows.add_row(result.control, CONTROLS[result.control].promise, verdict, _seen(result))
    return rows


def _seen(result: Result) -> str:
    """What sums it up; what is unknown is told below, whole."""
    return next(iter((*result.evidence, *result.unknown)), "-")


def _details(results: Sequence[Result], *, evidence: bool) -> Iterator[RenderableType]:
    """What is wrong and what is unknown, whole; and all evidence if asked for."""
    for result in results:
        lines = [Text.assemble((finding.where, "bold"), f": {finding.what}") for finding in result.findings]
        lines += [Text(f"not known: {why}") for why in result.unknown]
        lines += [Text(fact, "dim" if lines else "") for fact in result.evidence] if evidence else []
        if not lines:
            continue
        heading = Text.assemble((result.verdict, _STYLES[result.verdict]), f"  {result.control}  ")
        heading.append(CONTROLS[result.control].promise)
        yield Text()
        yield heading
        yield from (Padding(line, (0, 0, 0, 2), expand=False) for line in lines)


def _summary(results: Sequence[Result]) -> Iterator[RenderableType]:
    counts = Counter(result.verdict for result in results)
    told = ", ".join(f"{counts[verdict]} {verdict.lower()}" for verdict in Verdict)
    took = max(result.finished_at for result in results) - min(result.started_at for result in results)
    yield Text()
    yield Text(f"{told}; {len(results)} of {len(CATALOGUE)} controls, in {took.total_seconds():.1f} s")
