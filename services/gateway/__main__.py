"""`python -m services.gateway`: the HTTP edge."""

import asyncio

import uvloop

from libs.config.settings import load
from services.gateway.config import GatewaySettings
from services.gateway.wiring import run


def main() -> None:
    settings = load(GatewaySettings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings))


if __name__ == "__main__":
    main()
