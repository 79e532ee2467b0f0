"""Keyed tags of network, device and typed address. docs/formats/blind-index.md is the specification.

The key belongs to (workspace, month): within a month a log can be searched for what came from one network, and once
the key is destroyed the tags are noise.
"""

import hashlib
import hmac
from ipaddress import IPv6Address, ip_address

from libs.events.event import SearchTags, recordable
from wardenry.framing import frame


def search_tags(
    key: bytes,
    *,
    client_address: str = "",
    user_agent: str = "",
    device_fingerprint: str = "",
    country: str = "",
    typed_address: str = "",
) -> SearchTags:
    """The tags under the key of (workspace, month), 32 bytes. What is empty or cannot be read has an empty tag.

    `typed_address` is normalised by the caller, as for the blind index.
    """
    network = network_of(client_address)
    known_device = user_agent or device_fingerprint
    known_country = len(country) == 2 and country.isascii() and country.isalpha()
    return SearchTags(
        network=_tag(key, b"network", network) if network else b"",
        device=_tag(key, b"device", _encoded(user_agent), _encoded(device_fingerprint)) if known_device else b"",
        country=country.upper() if known_country else "",
        address=_tag(key, b"address", _encoded(typed_address)) if typed_address else b"",
    )


def network_of(client_address: str) -> bytes:
    """The network's significant bytes: three of IPv4 (/24), six of IPv6 (/48); none when it is no address."""
    try:
        address = ip_address(client_address)
    except ValueError:
        return b""
    if isinstance(address, IPv6Address):
        # A dual-stack listener shows IPv4 clients as ::ffff:a.b.c.d; they are on the same network either way.
        if address.ipv4_mapped is None:
            return address.packed[:6]
        address = address.ipv4_mapped
    return address.packed[:3]


def device_fingerprint(device: bytes) -> str:
    """Hex of the first 16 bytes of SHA-256 over the device cookie's 32 random bytes; "" without one.

    The cookie's bytes are a credential of the known device, and are written nowhere.
    """
    return hashlib.sha256(device).digest()[:16].hex() if device else ""


def _encoded(value: str) -> bytes:
    return recordable(value).encode()


def _tag(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(key, frame(*parts), hashlib.sha256)
