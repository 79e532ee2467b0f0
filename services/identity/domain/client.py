"""Who is at the other end of the line, as the gateway says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What is known of a caller before any factor holds. Each text may be empty."""

    #: IP address.
    address: str
    user_agent: str
    #: ISO 3166-1 alpha-2 country of the address.
    country: str
    #: OAuth client id: "gateway" for the first-party browser.
    name: str
    #: libs.events.search_tags.device_fingerprint, as the gateway tells it; "" of a browser that is no known device.
    device_fingerprint: str = ""
