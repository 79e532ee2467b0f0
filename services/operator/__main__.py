"""`wardenry`, or `python -m services.operator`: the operator's command."""

import signal

from libs.rpc.tls import require_tls_1_3


def main() -> None:
    # Until there is something to end in order, Ctrl-C ends the process as it does any: without a traceback of imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Before anything imports gRPC, so that starting again costs nothing.
    require_tls_1_3()
    from services.operator.wiring import application

    command = application()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command(prog_name="wardenry")


if __name__ == "__main__":
    main()
