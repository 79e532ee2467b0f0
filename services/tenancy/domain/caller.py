"""On whose behalf a command runs within a workspace."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from libs.events.caller import Caller
from wardenry.permissions import Permission, Role, allows

#: How a caller stands to a workspace, as the database's policies see it.
Standing = Literal["", "member", "administrator"]


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
