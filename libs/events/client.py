"""The client that a call came from: what the gateway says of it, and what events keep of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.event import DEVICE_FINGERPRINT, IP_ADDRESS, USER_AGENT, PersonalValues, SearchTags
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

    def personal(
        self, reader_key: ReaderPublicKey | None, values: Mapping[str, str] | None = None
    ) -> tuple[PersonalValues, ...]:
        """The actor's personal values: what is known of the client, and further `values` of the person, to be sealed
        to `reader_key`. Without a key nothing is kept."""
        if reader_key is None:
            return ()
        known = {IP_ADDRESS: self.address, USER_AGENT: self.agent, DEVICE_FINGERPRINT: self.device}
        return (PersonalValues(role="actor", reader_key=reader_key, values={**known, **(values or {})}),)

    def tags(self, key: bytes | None, *, typed_address: str = "") -> SearchTags | None:
        """What an event is found by, under the key of (workspace, month). Without a key the event goes without."""
        if key is None:
            return None
        return search_tags(
            key,
            client_address=self.address,
            user_agent=self.agent,
            device_fingerprint=self.device,
            country=self.country,
            typed_address=typed_address,
        )


UNKNOWN = Client()
