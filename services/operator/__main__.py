"""`wardenry`, or `python -m services.operator`: the operator's command."""

import signal
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.operator.terminal.application import UseCases


def main() -> None:
    # Until there is something to end in order, Ctrl-C ends the process as it does any: without a traceback of imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from libs.rpc.tls import require_tls_1_3

    # Before anything imports gRPC, so that starting again costs nothing.
    require_tls_1_3()
    from services.operator.terminal.application import application

    if isinstance(sys.stdout, TextIOWrapper):
        # What a terminal's encoding does not have is shown as a question mark, and ends nothing.
        sys.stdout.reconfigure(errors="replace")
    application(_use_cases)(prog_name="wardenry")


def _use_cases() -> "UseCases":
    # Clients of everything: only what is to be done waits for them.
    from services.operator.wiring import use_cases

    return use_cases()


if __name__ == "__main__":
    main()
