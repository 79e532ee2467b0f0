"""On whose behalf a command runs."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from wardenry.permissions import Permission, Role, allows

#: How a caller stands to a workspace, as the database's policies see it.
Standing = Literal["", "member", "administrator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The subject of a verified access token, and what the gateway says about the client."""

    subject: UUID
    session: UUID
    #: OAuth client.
    client: str
    client_address: str = field(default="", repr=False)
    user_agent: str = field(default="", repr=False)
    device_fingerprint: str = field(default="", repr=False)
    #: ISO 3166-1 alpha-2; empty when unknown.
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insider:
    """A caller whose token names a workspace."""

    caller: Caller
    workspace: UUID
    #: As of the token. What is written is decided by the role as it is in the database.
    role: Role

    def standing_for(self, permission: Permission) -> Standing:
        """Administrator for what the role may administer, else member: the database refuses the rest on its own."""
        return "administrator" if allows(self.role, permission) else "member"
