"""Who is at the other end of the line."""

from dataclasses import dataclass

from libs.events.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What is known of a caller before any factor holds."""

    #: OAuth client id: "gateway" for the first-party browser.
    client_id: str
    client: Client
