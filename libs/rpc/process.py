"""The life of a service's process: TLS 1.3 only, an event loop, and an end on SIGTERM."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from libs.config.secret import SecretInvalid
from libs.config.settings import EXIT_CONFIGURATION, Settings
from libs.rpc.server import ListenFailed
from libs.rpc.tls import require_tls_1_3
from libs.telemetry.logs import configure

#: Objects made, beyond those freed, before the youngest generation is searched for cycles (gc.set_threshold). The
#: default of 700 is less than one batch of calls makes.
_YOUNGEST = 10_000

Main = Callable[[asyncio.Event], Awaitable[None]]


def run(main: Main, *, settings: Settings) -> None:
    """Run a service until SIGTERM or SIGINT sets the event that `main` was given; then `main` drains and returns.

    What an operator can mend ends the process with one line on stderr and exit status 78.
    """
    require_tls_1_3()
    configure(service=settings.service, level=settings.log_level)
    # What was imported stays for the life of the process: no collection has to look through it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNGEST)
    try:
        uvloop.run(_supervised(main))
    except (SecretInvalid, ListenFailed, PermissionError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None


async def _supervised(main: Main) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await main(stopping)
