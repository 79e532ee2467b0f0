"""`wardenry`, or `python -m services.operator`: the operator's command."""

from libs.rpc.tls import require_tls_1_3


def main() -> None:
    # Before anything imports gRPC, so that starting again costs nothing.
    require_tls_1_3()
    from services.operator.wiring import application

    application()(prog_name="wardenry")


if __name__ == "__main__":
    main()
