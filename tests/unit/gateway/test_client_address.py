"""Which address a request is counted and logged under, whatever X-Forwarded-For says."""

import pytest

from services.gateway.edge.client_address import ClientAddress
from tests.unit.gateway.requests import request

CONNECTION = "192.0.2.7"


def address(*forwarded: str, hops: int, connection: str = CONNECTION) -> str:
    headers = [("X-Forwarded-For", value) for value in forwarded]
    return ClientAddress(hops=hops).of(request(headers=headers, client=(connection, 40000)))


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "127.0.0.1", "rubbish", ""])
def test_without_trusted_proxies_the_header_says_nothing(forwarded: str) -> None:
    assert address(forwarded, hops=0) == CONNECTION


def test_addresses_are_counted_from_the_right() -> None:
    spoofed = "198.51.100.1, 10.0.0.1, 203.0.113.9"
    assert address(spoofed, hops=1) == "203.0.113.9"
    assert address(spoofed, hops=2) == "10.0.0.1"
    assert address(spoofed, hops=3) == "198.51.100.1"


def test_several_headers_are_one_list() -> None:
    assert address("198.51.100.1", "203.0.113.9", hops=1) == "203.0.113.9"
    assert address("198.51.100.1", "203.0.113.9", hops=2) == "198.51.100.1"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ('"[2001:db8::1]"', "2001:db8::1"),
        ("203.0.113.9:443", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_one_address_has_one_spelling(forwarded: str, expected: str) -> None:
    assert address(forwarded, hops=1) == expected


@pytest.mark.parametrize(
    "forwarded",
    ["", ",", "unknown", "203.0.113.9.5", "203.0.113.09", "1.2.3.4, ", "' OR 1=1", "::::", "[", "\xe9", "9" * 5000],
)
def test_rubbish_is_counted_under_the_connection(forwarded: str) -> None:
    assert address(forwarded, hops=1) == CONNECTION


def test_a_header_that_is_too_short_did_not_come_by_the_proxies() -> None:
    assert address("203.0.113.9", hops=2) == CONNECTION
    assert address(hops=1) == CONNECTION


def test_a_connection_over_mapped_ipv6_is_ipv4() -> None:
    assert address(hops=0, connection="::ffff:192.0.2.7") == CONNECTION
