"""`python -m services.gateway`: the HTTP edge."""

from functools import partial

from libs.config.settings import load
from libs.rpc.process import run
from services.gateway.config import GatewaySettings
from services.gateway.wiring import serve


def main() -> None:
    settings = load(GatewaySettings)
    run(partial(serve, settings), settings=settings)


if __name__ == "__main__":
    main()
