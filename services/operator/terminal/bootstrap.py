"""`wardenry bootstrap`."""

from typing import Annotated

import typer

from services.operator.commands.bootstrap import Bootstrap
from services.operator.domain.founding import AlreadyFounded, Founding, FoundingRefused
from services.operator.terminal.exits import Exit
from services.operator.terminal.output import fail, show, show_json, show_whole
from services.operator.terminal.running import Opened, run


def register(application: typer.Typer, opened: Opened[Bootstrap]) -> None:
    @application.command("bootstrap")
    def command(
        address: Annotated[str, typer.Option("--address", metavar="ADDRESS", help="E-mail address of the person.")],
        name: Annotated[
            str, typer.Option("--name", metavar="NAME", help="Name of the platform's workspace; Platform unless given.")
        ] = "",
        as_json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False,
    ) -> None:
        """Invite the first operator.

        Who accepts owns the platform, and invites the next ones. Shows the invitation's link once, and has another one
        mailed. Until somebody has accepted, doing it again voids the earlier invitation; afterwards it is refused with
        exit code 3, for ever.
        """
        try:
            founding = run(opened, lambda bootstrap: bootstrap(address=address, name=name))
        except AlreadyFounded:
            fail("The platform has its operators already: they invite the next ones.", Exit.DONE_BEFORE)
        except FoundingRefused as error:
            fail(f"Refused: {error}", Exit.USAGE)
        if as_json:
            show_json(as_json_object(founding))
        else:
            _show(address, founding)


def as_json_object(founding: Founding) -> dict[str, object]:
    """The same for programs."""
    return {"link": founding.link, "expires_at": founding.expires_at.isoformat(), "voided": founding.voided}


def _show(address: str, founding: Founding) -> None:
    show(
        f"{address} is invited to own this platform. Open this link, sign up or sign in with that address, and accept:",
        "",
    )
    show_whole(f"  {founding.link}")
    voided = " The earlier invitation is void." if founding.voided else ""
    show(
        "",
        f"It works once, until {founding.expires_at:%Y-%m-%d %H:%M} UTC, and is not shown again. A link of its own is "
        f"mailed to the address; whichever is used first voids the other.{voided}",
    )
