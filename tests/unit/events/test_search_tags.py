from typing import Any

import pytest

from libs.events.event import SearchTags
from libs.events.search_tags import device_fingerprint, network_of, search_tags
from tests.support.vectors import vectors_of

KEY = bytes(range(32))


@pytest.mark.parametrize("vector", [v for v in vectors_of("blind-index") if v["kind"] != "blind index"])
def test_vector(vector: dict[str, Any]) -> None:
    key = bytes.fromhex(vector.get("key", ""))
    match vector["kind"]:
        case "network tag":
            assert network_of(vector["client_address"]).hex() == vector["network"]
            assert search_tags(key, client_address=vector["client_address"]).network.hex() == vector["tag"]
        case "device tag":
            tags = search_tags(key, user_agent=vector["user_agent"], device_fingerprint=vector["device_fingerprint"])
            assert tags.device.hex() == vector["tag"]
        case "address tag":
            assert search_tags(key, typed_address=vector["address"]).address.hex() == vector["tag"]
        case "device fingerprint":
            assert device_fingerprint(bytes.fromhex(vector["device"])) == vector["fingerprint"]
        case other:
            pytest.fail(f"a vector of unknown kind {other}")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.200", True),
        ("192.0.2.7", "192.0.3.7", False),
        ("192.0.2.7", "::ffff:192.0.2.9", True),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_addresses_of_one_network_share_a_tag(one: str, other: str, same: bool) -> None:
    tags = {search_tags(KEY, client_address=address).network for address in (one, other)}
    assert len(tags) == (1 if same else 2)


def test_another_key_gives_other_tags() -> None:
    def tags(key: bytes) -> SearchTags:
        return search_tags(key, client_address="192.0.2.7", user_agent="x", typed_address="ada@example.org")

    assert tags(KEY).network != tags(bytes(32)).network
    assert tags(KEY).device != tags(bytes(32)).device
    assert tags(KEY).address != tags(bytes(32)).address


def test_parts_of_a_device_do_not_run_together() -> None:
    one = search_tags(KEY, user_agent="ab", device_fingerprint="c").device
    assert one != search_tags(KEY, user_agent="a", device_fingerprint="bc").device


@pytest.mark.parametrize("address", ["", "unknown", "192.0.2", "192.0.2.7:80", "1" * 5000])
def test_what_is_no_address_has_no_tag(address: str) -> None:
    assert search_tags(KEY, client_address=address) == SearchTags()


@pytest.mark.parametrize(
    ("country", "kept"), [("ch", "CH"), ("DE", "DE"), ("", ""), ("CHE", ""), ("1A", ""), ("éé", ""), ("ßß", "")]
)
def test_only_a_country_code_is_kept(country: str, kept: str) -> None:
    assert search_tags(KEY, country=country).country == kept


def test_no_device_has_no_fingerprint() -> None:
    assert device_fingerprint(b"") == ""
