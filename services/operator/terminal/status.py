"""`wardenry status`."""

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from services.operator.commands.status import LookAtStatus
from services.operator.domain.durations import age
from services.operator.domain.status import DESERTED, LogHead, Part, Status
from services.operator.terminal.exits import Exit
from services.operator.terminal.output import show, show_json, table, troubles, width
from services.operator.terminal.running import Opened, run
from services.operator.terminal.told import told_as_json, told_table

#: Fewer days than these are shown in red.
_FEW_DAYS = 30
#: From so many columns on a certificate that is right is shown with its name.
_WIDE = 100
NEXT = "wardenry doctor says what is wrong, and how to mend it."


def register(application: typer.Typer, opened: Opened[LookAtStatus]) -> None:
    @application.command("status")
    def command(as_json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False) -> None:
        """Show how every part of the deployment is.

        The exit code is 0 when all is well, 1 when something is not, 69 when nothing answers at all.
        """
        status = run(opened, lambda look: look())
        if as_json:
            show_json(_as_json(status))
        else:
            named = [(part.name, part.trouble) for part in status.parts if part.trouble]
            log = [("platform log", status.log_trouble)] if status.log is None else []
            named += [(part.name, f"it does not tell how it is: {part.untold}") for part in status.parts if part.untold]
            own = told_table(status.parts)
            first = [DESERTED, ""] if status.deserted else []
            last = ["", NEXT] if status.answers and not status.well else []
            show(
                *first,
                _table(status),
                Text(),
                *((own, Text()) if own else ()),
                *_log(status),
                *troubles(named + log),
                *last,
            )
        raise typer.Exit(Exit.OK if status.well else Exit.NOT_WELL if status.answers else Exit.UNAVAILABLE)


def _table(status: Status) -> Table:
    rows = table("part", "address", "state", "answers in", "certificate")
    for part in status.parts:
        latency = part.health.latency
        rows.add_row(
            part.name,
            part.address,
            _state(part),
            "-" if latency is None else f"{latency * 1000:.1f} ms",
            _certificate(part, status.at),
        )
    return rows


def _state(part: Part) -> Text:
    if not part.health.reachable:
        return Text("down", "red")
    return Text("ready", "green") if part.health.ready else Text("not ready", "red")


def _certificate(part: Part, now: datetime) -> Text:
    presented = part.presented
    if presented.certificate is None:
        return Text("-")
    days = presented.certificate.days_left(now)
    left = f"{days} days" if days >= 0 else f"ended {-days} days ago"
    name = presented.certificate.names[0] if presented.certificate.names else "no name"
    # Where it names whom it should, the row says so already.
    whose = "" if not presented.trouble and width() < _WIDE else f"{name}, "
    return Text(f"{whose}{left}", "red" if presented.trouble or days < _FEW_DAYS else "")


def _log(status: Status) -> list[str]:
    if status.log is None:
        return []
    entries = "1 entry" if status.log.size == 1 else f"{status.log.size:,} entries"
    signed = f"platform log: {entries}; checkpoint signed {age(status.at - status.log.signed_at)} ago"
    return [f"{signed}; the end of its key before is on the way" if status.log.ending else signed]


def _as_json(status: Status) -> dict[str, object]:
    return {
        "well": status.well,
        "at": status.at.isoformat(),
        "parts": [_part_as_json(part, status.at) for part in status.parts],
        "platform_log": _log_as_json(status.log, status.log_trouble),
    }


def _part_as_json(part: Part, now: datetime) -> dict[str, object]:
    latency, certificate = part.health.latency, part.presented.certificate
    return {
        "name": part.name,
        "address": part.address,
        "reachable": part.health.reachable,
        "ready": part.health.ready,
        "latency_ms": None if latency is None else round(latency * 1000, 3),
        "certificate": None
        if certificate is None
        else {
            "names": list(certificate.names),
            "ends_at": certificate.ends_at.isoformat(),
            "days_left": certificate.days_left(now),
        },
        "trouble": part.trouble or None,
        "told": told_as_json(part),
        "untold": part.untold or None,
    }


def _log_as_json(head: LogHead | None, trouble: str) -> dict[str, object]:
    if head is None:
        return {"size": None, "signed_at": None, "ending_keys": None, "trouble": trouble}
    return {
        "size": head.size,
        "signed_at": head.signed_at.isoformat(),
        "ending_keys": list(head.ending),
        "trouble": None,
    }
