"""Ports for servers of tests: several processes start theirs at the same time."""

import socket
import subprocess
import sys

from libs.db.schemas import ROOT
from tests.support.ports import free_port

#: Asks, and lives on until it is told to end.
_ASKING = """
import sys
from tests.support.ports import free_port
print(*[free_port() for _ in range(300)], flush=True)
sys.stdin.read()
"""


def test_no_port_is_given_twice() -> None:
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", _ASKING], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    given = [free_port() for _ in range(300)]
    for process in asking:
        assert process.stdout is not None
        given += map(int, process.stdout.readline().split())
    for process in asking:
        process.communicate(timeout=60)
    assert len(set(given)) == len(given) == 900


def test_none_is_given_that_somebody_else_uses() -> None:
    taken = free_port() + 1
    with socket.create_server(("127.0.0.1", taken)):
        assert free_port() != taken
