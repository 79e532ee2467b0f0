"""The command line as such; what it can do is registered in wiring."""

import typer

HELP = """Look after a Wardenry deployment: see how it is, find what is wrong with it, make its first operator.

Which deployment, the WARDENRY_* variables say: the certificate of the peer "operator" (WARDENRY_TLS_CA_FILE,
WARDENRY_TLS_CERT_FILE, WARDENRY_TLS_KEY_FILE), where the services are (WARDENRY_IDENTITY_ADDRESS, …), the gateway's
origin (WARDENRY_ISSUER) and its authority (WARDENRY_OPERATOR_EDGE_CA_FILE).

Without WARDENRY_TLS_CERT_FILE it is the local stack that runs in .wardenry, or in WARDENRY_HOME: make run writes
operator.env there for as long as it runs.
"""


def new_application() -> typer.Typer:
    """One without commands."""
    application = typer.Typer(
        name="wardenry",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @application.callback()
    def every_command() -> None:
        """A command of its own for each thing, even while there is only one."""

    every_command.__doc__ = HELP
    return application
