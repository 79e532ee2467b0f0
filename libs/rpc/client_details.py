"""Check: what is known of the person's own client. After the peer is known: the gateway alone is believed.

No other metadata says anything about a person. A header that names a user, from whomever, is not read at all.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from libs.events.client import UNKNOWN, Client

BELIEVED_PEER = "gateway"
ADDRESS = "wardenry-client-address"
#: User agents are bytes of the client's choosing, and metadata is ASCII: this value is sent percent-encoded (UTF-8).
AGENT = "wardenry-client-agent"
COUNTRY = "wardenry-client-country"
DEVICE = "wardenry-client-device"
LONGEST_AGENT = 1024
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
#: "A1", "T1" and the like are no countries, though databases of addresses answer them.
_COUNTRY = re.compile(r"[A-Z]{2}")


def client_of(peer: str, metadata: Mapping[str, str]) -> Client:
    """What the gateway said; nothing for any other peer, whatever it sends."""
    if peer != BELIEVED_PEER:
        return UNKNOWN
    country, device = metadata.get(COUNTRY, ""), metadata.get(DEVICE, "")
    return Client(
        address=_address(metadata.get(ADDRESS, "")),
        agent=_agent(metadata.get(AGENT, "")),
        country=country if _COUNTRY.fullmatch(country) else "",
        device=device if _FINGERPRINT.fullmatch(device) else "",
    )


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return ""


def _agent(value: str) -> str:
    return unquote(value, errors="replace")[:LONGEST_AGENT]


def metadata_of(client: Client) -> tuple[tuple[str, str], ...]:
    """What the gateway sends with each call."""
    pairs = (
        (ADDRESS, client.address),
        (AGENT, quote(client.agent[:LONGEST_AGENT])),
        (COUNTRY, client.country),
        (DEVICE, client.device),
    )
    return tuple((key, value) for key, value in pairs if value)
