"""The client that a call came from: what the gateway says of it, and what events keep of that."""

from dataclasses import dataclass, field

from libs.events.event import DEVICE_FINGERPRINT, IP_ADDRESS, USER_AGENT, SearchTags
from libs.events.search_tags import search_tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Somebody's browser or program. Each text is empty where it is unknown."""

    #: IP address.
    address: str = field(default="", repr=False)
    #: User agent, at most 1,024 characters.
    agent: str = field(default="", repr=False)
    #: ISO 3166-1 alpha-2 country of the address.
    country: str = ""
    #: What the gateway knows the browser by: libs.events.search_tags.device_fingerprint.
    device: str = field(default="", repr=False)

    @property
    def values(self) -> dict[str, str]:
        """The personal values that an event keeps of it, sealed."""
        return {IP_ADDRESS: self.address, USER_AGENT: self.agent, DEVICE_FINGERPRINT: self.device}

    def tags(self, key: bytes, *, typed_address: str = "") -> SearchTags:
        """What an event is found by, under the key of (workspace, month)."""
        return search_tags(
            key,
            client_address=self.address,
            user_agent=self.agent,
            device_fingerprint=self.device,
            country=self.country,
            typed_address=typed_address,
        )


UNKNOWN = Client()
