"""On whose behalf a command runs."""

from dataclasses import dataclass, field
from uuid import UUID

from libs.events.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The subject of a verified access token, and what the gateway says about the client."""

    subject: UUID
    session: UUID
    #: OAuth client id.
    client_id: str
    #: The access token as it was presented: session is asked in the person's name.
    bearer: str = field(repr=False)
    client: Client
