"""On whose behalf a command runs."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The subject of a verified access token, and what the gateway says about the client."""

    subject: UUID
    session: UUID
    #: OAuth client.
    client: str
    #: The access token as it was presented: session is asked in the person's name.
    bearer: str = field(repr=False)
    client_address: str = field(default="", repr=False)
    user_agent: str = field(default="", repr=False)
    #: What the gateway knows the browser by; empty when unknown.
    device_fingerprint: str = field(default="", repr=False)
    #: ISO 3166-1 alpha-2; empty when unknown.
    country: str = ""
