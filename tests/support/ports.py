"""TCP ports for the servers that tests start."""

import socket
from collections.abc import Iterator

#: Above the usual ones of servers, and below those that a system gives to whoever connects or names none (Linux: from
#: 32768 on), so that no connection of anybody's takes one before its server has started, or while it starts again.
_FIRST, _LAST = 18_000, 32_000
#: So many are taken at once.
_BLOCK = 200


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that is given to nobody else while this process lives: neither
    here nor by another process that asks this module."""
    for port in _own:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("other processes have all ports of tests")


def _blocks() -> Iterator[int]:
    for first in range(_FIRST, _LAST, _BLOCK):
        # Ports of UDP are others than those of TCP. Nobody here speaks it, so one that is bound marks a block as taken,
        # until the system closes it at the end of this process, however it ends.
        mark = socket.socket(type=socket.SOCK_DGRAM)
        try:
            mark.bind(("127.0.0.1", first))
        except OSError:
            mark.close()
            continue
        mark.detach()
        yield from range(first, first + _BLOCK)


_own = _blocks()
