"""Check: what is known of the person's own client. After the peer is known: the gateway alone is believed.

No other metadata says anything about a person. A header that names a user, from whomever, is not read at all.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

BELIEVED_PEER = "gateway"
ADDRESS = "wardenry-client-address"
#: User agents are bytes of the client's choosing, and metadata is ASCII: this value is sent percent-encoded (UTF-8).
AGENT = "wardenry-client-agent"
COUNTRY = "wardenry-client-country"
DEVICE = "wardenry-client-device"
LONGEST_AGENT = 1024
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDetails:
    """The gateway's client. Empty where unknown."""

    address: str = ""
    agent: str = ""
    country: str = ""
    #: The first 16 bytes of SHA-256 of its device cookie, in hexadecimal.
    device: str = ""


_UNKNOWN = ClientDetails()


def client_details_of(peer: str, metadata: Mapping[str, str]) -> ClientDetails:
    """What the gateway said; nothing for any other peer, whatever it sends."""
    if peer != BELIEVED_PEER:
        return _UNKNOWN
    country, device = metadata.get(COUNTRY, ""), metadata.get(DEVICE, "")
    return ClientDetails(
        address=_address(metadata.get(ADDRESS, "")),
        agent=_agent(metadata.get(AGENT, "")),
        country=country if len(country) == 2 and country.isascii() and country.isupper() else "",
        device=device if _FINGERPRINT.fullmatch(device) else "",
    )


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return ""


def _agent(value: str) -> str:
    return unquote(value, errors="replace")[:LONGEST_AGENT]


def metadata_of(details: ClientDetails) -> tuple[tuple[str, str], ...]:
    """What the gateway sends with each call."""
    pairs = (
        (ADDRESS, details.address),
        (AGENT, quote(details.agent[:LONGEST_AGENT])),
        (COUNTRY, details.country),
        (DEVICE, details.device),
    )
    return tuple((key, value) for key, value in pairs if value)
