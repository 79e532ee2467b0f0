"""The command line. What it does is imported once it is known what that is: help and version wait for nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from services.operator.terminal import bootstrap, calibrate, controls, doctor, parked, status
from services.operator.terminal.output import show_whole
from services.operator.terminal.running import Opened
from services.operator.terminal.usage import PlainUsage
from wardenry.version import VERSION

if TYPE_CHECKING:
    from services.operator.commands.bootstrap import Bootstrap
    from services.operator.commands.calibration import Calibrate
    from services.operator.commands.controls import CheckControls
    from services.operator.commands.doctor import Examine
    from services.operator.commands.parked import LookAtParked, RetryParked
    from services.operator.commands.status import LookAtStatus

HELP = """Look after a Wardenry deployment: see how it is, find what is wrong with it, make its first operator.

Which deployment, the WARDENRY_* variables say: the certificate of the peer "operator" (WARDENRY_TLS_CA_FILE,
WARDENRY_TLS_CERT_FILE, WARDENRY_TLS_KEY_FILE), where the services are (WARDENRY_IDENTITY_ADDRESS, …), the gateway's
origin (WARDENRY_ISSUER) and its authority (WARDENRY_OPERATOR_EDGE_CA_FILE).

Without WARDENRY_TLS_CERT_FILE it is the local stack that runs in .wardenry, or in WARDENRY_HOME: make run writes
operator.env there for as long as it runs.

Exit codes: 0 all is well; 1 something is not; 2 the command line is wrong; 3 done before; 69 nothing answers; 70
refused; 74 the output is lost; 78 a setting is wrong. What --json writes is in docs/operations/operator.md.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """What the commands do."""

    bootstrap: "Opened[Bootstrap]"
    status: "Opened[LookAtStatus]"
    doctor: "Opened[Examine]"
    look_at_parked: "Opened[LookAtParked]"
    retry_parked: "Opened[RetryParked]"
    controls: "Opened[CheckControls]"
    calibrate: "Callable[[], Calibrate]"


def application(use_cases: Callable[[], UseCases]) -> typer.Typer:
    """Every command, in the order of the help. `use_cases` is called once one of them is to be done."""
    app = _without_commands()
    bootstrap.register(app, lambda: use_cases().bootstrap())
    status.register(app, lambda: use_cases().status())
    doctor.register(app, lambda: use_cases().doctor())
    parked.register(app, lambda: use_cases().look_at_parked(), lambda: use_cases().retry_parked())
    controls.register(app, lambda: use_cases().controls())
    calibrate.register(app, lambda: use_cases().calibrate())
    return app


def _without_commands() -> typer.Typer:
    application = typer.Typer(
        name="wardenry",
        cls=PlainUsage,
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @application.callback()
    def every_command(
        version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
        ] = False,
    ) -> None:
        """A command of its own for each thing, even while there is only one."""

    every_command.__doc__ = HELP
    return application


def _show_version(asked: bool) -> None:
    if asked:
        show_whole(f"wardenry {VERSION}")
        raise typer.Exit
