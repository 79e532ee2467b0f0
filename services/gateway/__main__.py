"""`python -m services.gateway`: the HTTP edge."""

from libs.config.settings import load
from libs.rpc.process import run
from services.gateway.config import GatewaySettings
from services.gateway.wiring import Gateway


def main() -> None:
    settings = load(GatewaySettings)
    gateway = Gateway(settings=settings)
    run(gateway.serve, settings=settings)


if __name__ == "__main__":
    main()
