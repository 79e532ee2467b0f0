"""The life of a service's process: TLS 1.3 only, an event loop, and an end on SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from libs.config.secret import SecretInvalid
from libs.config.settings import EXIT_CONFIGURATION
from libs.rpc.server import ListenFailed

#: gRPC takes TLS 1.2 and has no setting against it. Named alone, a suite that no certificate of ours can negotiate
#: leaves
#: nothing of 1.2, and 1.3, whose suites are another list, works. Read by gRPC when it is imported, and never again.
TLS_1_3_ONLY = {"GRPC_SSL_CIPHER_SUITES": "ECDHE-PSK-AES128-CBC-SHA"}
#: gRPC writes lines of its own to stderr for every handshake that fails, which anybody can cause.
QUIET = {"GRPC_VERBOSITY": "NONE"}
#: What a supervisor puts into the environment of each process. `run` starts the process again where it is missing.
ENVIRONMENT = {**TLS_1_3_ONLY, **QUIET}

Main = Callable[[asyncio.Event], Awaitable[None]]


def run(main: Main) -> None:
    """Run a service until SIGTERM or SIGINT sets the event that `main` was given; then `main` drains and returns.

    What an operator can mend ends the process with one line on stderr and exit status 78.
    """
    if any(os.environ.get(name) != value for name, value in TLS_1_3_ONLY.items()):
        _start_again()
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


def _start_again() -> None:
    """The same program with the same arguments, in an environment that gRPC's import reads in time."""
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**ENVIRONMENT, **os.environ, **TLS_1_3_ONLY})  # noqa: S606 - ourselves
