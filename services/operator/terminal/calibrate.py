"""`wardenry calibrate`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from services.operator.domain.calibration import Calibration
from services.operator.terminal.output import show, show_json, table

if TYPE_CHECKING:
    from services.operator.commands.calibration import Calibrate

#: Identity's setting, and what it is unless set (services/identity/config.py).
SETTING = "WARDENRY_IDENTITY_PASSWORD_HASH_SECONDS"
DEFAULT_MS = 250


def register(application: typer.Typer, made: "Callable[[], Calibrate]") -> None:
    @application.command("calibrate")
    def command(
        target_ms: Annotated[
            int,
            typer.Option("--target-ms", metavar="MS", min=1, max=2000, help="What one hash may take, in milliseconds."),
        ] = DEFAULT_MS,
        as_json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False,
    ) -> None:
        """Measure what hashing a password costs here.

        Run it on the machine where identity runs; it asks no deployment.
        """
        calibration = made()(target_ms / 1000)
        if as_json:
            show_json(_as_json(calibration))
        else:
            _show(calibration)


def _show(calibration: Calibration) -> None:
    rows = table("cost", "one hash", "hashes a second, one core", "")
    for cost, seconds in calibration.seconds.items():
        chosen = Text("<- chosen", "green") if cost == calibration.chosen else Text()
        rows.add_row(str(cost), f"{seconds * 1000:.0f} ms", f"{1 / seconds:.1f}", chosen)
    target = f"{calibration.target_seconds:g}"
    show(
        rows,
        "",
        f"For {calibration.target_seconds * 1000:.0f} ms, bcrypt's cost here is {calibration.chosen}. "
        "Identity measures by itself at each start; what it aims at is set by",
        f"  {SETTING}={target}",
    )
    if not calibration.kept:
        show(Text("Even the least cost that is allowed takes longer than that.", "red"))


def _as_json(calibration: Calibration) -> dict[str, object]:
    return {
        "target_ms": round(calibration.target_seconds * 1000),
        "cost": calibration.chosen,
        "within_target": calibration.kept,
        "setting": {"name": SETTING, "value": calibration.target_seconds},
        "milliseconds": {str(cost): round(seconds * 1000, 1) for cost, seconds in calibration.seconds.items()},
    }
