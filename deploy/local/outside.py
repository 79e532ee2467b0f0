"""A store of somebody else's that the local stack uses: where it is, and whether it takes connections."""

import socket
import time
from collections.abc import Callable

LOOK_EVERY = 1.0
CONNECT_SECONDS = 0.5


class Outside:
    """Looked at from the main thread, again and again, since nobody tells us when it comes or goes."""

    def __init__(self, *, name: str, title: str, address: str, say: Callable[[str], None]) -> None:
        """`title` is what a person calls it; `address` is host:port, or several of them with commas."""
        self.name = name
        self.title = title
        self.address = address
        self._say = say
        self._answers: bool | None = None
        self._looked_at = 0.0

    @property
    def answers(self) -> bool:
        """Whether it took a connection when it was last looked at."""
        return bool(self._answers)

    def look(self) -> bool:
        """Try it, unless that was done a moment ago. True when it came or went, which the person is told."""
        if self._answers is not None and time.monotonic() - self._looked_at < LOOK_EVERY:
            return False
        answers = any(takes_connections(address) for address in self.address.split(","))
        if not answers and self._answers is not False:
            self._say(f"{self.title} does not answer at {self.address}; waiting for it.")
        elif answers and self._answers is False:
            self._say(f"{self.title} answers at {self.address}.")
        changed = answers != self._answers
        self._answers = answers
        self._looked_at = time.monotonic()
        return changed


def takes_connections(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False
