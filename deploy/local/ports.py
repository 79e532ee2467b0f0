"""TCP ports on 127.0.0.1: those of the last run where they are still free, so that addresses stay the same."""

import socket
import time
from collections.abc import Mapping

#: What is tried on the first run; where it is taken, the next free one.
PREFERRED: Mapping[str, int] = {
    "gateway-http": 8080,
    "gateway-https": 8443,
    "mail-http": 8025,
    "identity": 7101,
    "session": 7102,
    "tenancy": 7103,
    "audit": 7104,
    "datarights": 7105,
    "postgresql": 7110,
    "vault": 7111,
    "valkey": 7112,
    "kafka": 7113,
    "mail-smtp": 7114,
    "kafka-controller": 7115,
}
HOW_FAR = 1000


class PortOccupied(Exception):
    """A port that was asked for belongs to another program. The text is one line."""


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose(*, remembered: Mapping[str, int], asked: Mapping[str, int], patience: float = 2) -> dict[str, int]:
    """A port for each name of PREFERRED: the one asked for, the remembered one, or a free one.

    `patience` is how many seconds a remembered one may take to become free: what listens there may be a process of a
    killed supervisor that is about to end. Raises PortOccupied when one that was asked for is taken.
    """
    chosen: dict[str, int] = {}
    for name, port in asked.items():
        if not freed(port, patience=patience if remembered.get(name) == port else 0):
            variable = f"WARDENRY_{name.removeprefix('gateway-').upper()}_PORT"
            raise PortOccupied(f"Port {port} is in use by another program: set {variable} to a free one.")
        chosen[name] = port
    for name, preferred in PREFERRED.items():
        if name in chosen:
            continue
        last = remembered.get(name)
        if last is not None and last not in chosen.values() and freed(last, patience=patience):
            chosen[name] = last
        else:
            chosen[name] = _next_free(preferred, {*chosen.values(), *remembered.values()})
    return chosen


def another(name: str, *, ports: Mapping[str, int]) -> int:
    """A free port for this name, where another program was quicker at its own."""
    return _next_free(PREFERRED[name], {*ports.values()})


def _next_free(preferred: int, taken: set[int]) -> int:
    """Raises PortOccupied."""
    for port in range(preferred, preferred + HOW_FAR):
        if port not in taken and is_free(port):
            return port
    raise PortOccupied(f"No port from {preferred} to {preferred + HOW_FAR - 1} is free: stop what uses them.")


def freed(port: int, *, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while not is_free(port):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True
