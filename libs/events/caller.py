"""Who is behind a call, as commands take it and events tell it."""

from dataclasses import dataclass
from uuid import UUID

from libs.events.client import Client
from libs.events.event import Actor, ActorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who holds no factor yet."""

    #: OAuth client id: "gateway" for the first-party browser.
    client_id: str
    client: Client

    @property
    def actor(self) -> Actor:
        return Actor(kind=ActorKind.VISITOR, client=self.client_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The subject of a verified access token, and what the gateway says about the client."""

    subject: UUID
    session: UUID
    #: OAuth client id.
    client_id: str
    client: Client

    @property
    def actor(self) -> Actor:
        return Actor(kind=ActorKind.SUBJECT, id=self.subject, session=self.session, client=self.client_id)
