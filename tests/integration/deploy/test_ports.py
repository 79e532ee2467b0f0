"""Addresses stay the same from run to run where they can."""

import socket
import time
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local import stack as stack_module
from deploy.local.home import Home
from deploy.local.ports import PREFERRED, PortOccupied, choose
from deploy.local.settings import StackSettings
from libs.ids import SystemEntropy
from tests.support.ports import free_port
from tests.support.stack import prepared_home
from wardenry.clock import SystemClock


def test_each_name_has_a_port_of_its_own() -> None:
    chosen = choose(remembered={}, asked={})
    assert set(chosen) == set(PREFERRED)
    assert len(set(chosen.values())) == len(chosen)


def test_remembered_ports_are_kept_and_taken_ones_replaced() -> None:
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        chosen = choose(remembered={"audit": free, "valkey": taken}, asked={}, patience=0)
    assert chosen["audit"] == free
    assert chosen["valkey"] != taken


def test_a_port_that_was_asked_for_is_used_or_refused() -> None:
    free = free_port()
    assert choose(remembered={}, asked={"gateway-https": free})["gateway-https"] == free
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(PortOccupied, match="set WARDENRY_HTTPS_PORT to a free one"):
            choose(remembered={}, asked={"gateway-https": taken})


def test_no_free_port_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "HOW_FAR", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(ports, "PREFERRED", {"valkey": server.getsockname()[1]})
        with pytest.raises(PortOccupied, match="No port from"):
            choose(remembered={}, asked={})


def test_what_another_program_takes_while_it_starts_moves_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where two stacks start at once: each found the same ports free."""
    home = Home(prepared_home(tmp_path / "home"))
    free = {name: free_port() for name in PREFERRED}
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        meanwhile = {"postgresql": one.getsockname()[1], "mail-http": other.getsockname()[1]}
        monkeypatch.setattr(stack_module, "choose", lambda **_: {**free, **meanwhile})
        stack = stack_module.Stack(
            settings=StackSettings(home=home.root),
            passed={},
            home=home,
            clock=SystemClock(),
            entropy=SystemEntropy(),
            stores_only=True,
            say=said.append,
            changed=lambda: None,
        )
        try:
            stack.start()
            deadline = time.monotonic() + 60
            while not stack.is_ready():
                assert time.monotonic() < deadline
                stack.look()
        finally:
            stack.stop()
    moved = {name for name, port in stack.ports.items() if port != free[name]}
    assert moved == set(meanwhile)
    assert not set(stack.ports.values()) & set(meanwhile.values())
    assert home.ports() == stack.ports
    assert len([line for line in said if "was taken by another program just now" in line]) == 2
