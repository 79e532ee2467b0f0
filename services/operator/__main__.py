"""`wardenry`, or `python -m services.operator`: the operator's command."""

import signal
import sys
from io import TextIOWrapper


def main() -> None:
    # Until there is something to end in order, Ctrl-C ends the process as it does any: without a traceback of imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from libs.rpc.tls import require_tls_1_3

    # Before anything imports gRPC, so that starting again costs nothing.
    require_tls_1_3()
    from services.operator.wiring import application

    if isinstance(sys.stdout, TextIOWrapper):
        # What a terminal's encoding does not have is shown as a question mark, and ends nothing.
        sys.stdout.reconfigure(errors="replace")
    command = application()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command(prog_name="wardenry")


if __name__ == "__main__":
    main()
