"""`wardenry doctor`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from services.operator.commands.doctor import Examine
from services.operator.domain.diagnosis import Diagnosis, Severity
from services.operator.domain.status import DESERTED
from services.operator.terminal.exits import Exit
from services.operator.terminal.output import show, show_json, table
from services.operator.terminal.running import Opened, run

_STYLES = {Severity.OK: "green", Severity.UNKNOWN: "yellow", Severity.WARNING: "yellow", Severity.ERROR: "bold red"}


def register(application: typer.Typer, opened: Opened[Examine]) -> None:
    @application.command("doctor")
    def command(as_json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False) -> None:
        """Find what is wrong with the deployment, and say how to mend it.

        The exit code is 0 when nothing is, 1 when something is wrong or could not be looked at.
        """
        examined = run(opened, lambda examine: examine())
        found = examined.diagnoses
        if as_json:
            show_json({"well": examined.well, "diagnoses": [_as_json(each) for each in found]})
        else:
            show(*([DESERTED, ""] if examined.deserted else []), _table(found), *_summary(found))
        raise typer.Exit(Exit.OK if examined.well else Exit.NOT_WELL)


def _table(found: Sequence[Diagnosis]) -> Table:
    rows = table("severity", "check", "what was seen, and how to mend it")
    for each in found:
        told = Text(each.what)
        if each.mend:
            told.append(f" {each.mend}", "bold")
        rows.add_row(Text(each.severity, _STYLES[each.severity]), each.check, told)
    return rows


def _summary(found: Sequence[Diagnosis]) -> Sequence[str]:
    wrong = [each for each in found if each.severity is not Severity.OK]
    return ["", f"{len(wrong)} to look into." if wrong else "Nothing is wrong."]


def _as_json(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "check": diagnosis.check,
        "severity": diagnosis.severity.value,
        "what": diagnosis.what,
        "mend": diagnosis.mend or None,
    }
