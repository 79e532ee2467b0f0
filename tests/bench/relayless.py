"""`python -m tests.bench.relayless SERVICE`: a service as it always runs, but for its relay, which does nothing.

What an event costs from the outbox on is another row's.
"""

import asyncio
import importlib
import sys
from functools import partial
from typing import Any

from libs.config.settings import load
from libs.rpc.process import run


def no_relay(*_arguments: Any, **_named: Any) -> Any:
    """In the place of libs.service.events.relay_of."""
    return asyncio.Event().wait


def main() -> None:
    name = sys.argv[1]
    wiring = importlib.import_module(f"services.{name}.wiring")
    if "relay_of" not in vars(wiring):
        raise SystemExit(f"{name} has no relay that could be left out")
    vars(wiring)["relay_of"] = no_relay
    config = importlib.import_module(f"services.{name}.config")
    settings = load(getattr(config, f"{name.title()}Settings"))
    run(partial(wiring.serve, settings), settings=settings)


if __name__ == "__main__":
    main()
