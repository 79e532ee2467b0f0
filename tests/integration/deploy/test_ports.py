"""Addresses stay the same from run to run where they can."""

import socket

import pytest

from deploy.local.ports import PREFERRED, PortOccupied, choose, require_not_taken
from tests.support.ports import free_port


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


def test_a_port_that_was_taken_meanwhile_is_told_from_other_failures() -> None:
    require_not_taken(free_port(), by="valkey")
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(PortOccupied, match=f"Port {taken}, meant for valkey, .* start it again"):
            require_not_taken(taken, by="valkey")
