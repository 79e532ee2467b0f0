"""`wardenry status`."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from services.operator.commands.status import LookAtStatus
from services.operator.domain.status import Status
from services.operator.terminal.exits import Exit
from services.operator.terminal.output import show, show_json
from services.operator.terminal.running import Opened, run


def register(application: typer.Typer, opened: Opened[LookAtStatus]) -> None:
    @application.command("status")
    def command(as_json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False) -> None:
        """How every part of the deployment is. The exit code is 0 when all is well, 1 when something is not."""
        status = run(opened, lambda look: look())
        if as_json:
            show_json({"well": status.well, **asdict(status)})
        else:
            show(_table(status))
        raise typer.Exit(Exit.OK if status.well else Exit.NOT_WELL)


def _table(status: Status) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("service", "address", "state", "answers in"):
        table.add_column(heading)
    for health in status.services:
        state = Text("ready", "green") if health.ready else Text("not ready" if health.reachable else "down", "red")
        latency = f"{health.latency * 1000:.1f} ms" if health.latency is not None else "-"
        table.add_row(health.service, health.address, state, latency)
    return table
