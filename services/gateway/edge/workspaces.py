"""Which workspace a URL means."""

import re
from dataclasses import dataclass
from uuid import UUID

from services.gateway.clients.backends import Backends
from services.gateway.edge.browser import Browser
from wardenry.errors.error import NotFound
from wardenry.tenancy.v1.workspace_pb2 import ResolveWorkspaceRequest

#: What a short name can be: anything else in a URL is nobody's, and no service is asked about it.
_SLUG = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class WorkspaceName:
    """A workspace as a stranger may know it."""

    workspace_id: UUID
    slug: str
    name: str


class WorkspaceNames:
    """Turns the short names in URLs into identifiers. Asked each time: the gateway keeps no state."""

    def __init__(self, *, backends: Backends) -> None:
        self._backends = backends

    async def resolve(self, browser: Browser, slug: str) -> WorkspaceName:
        """Raises `WardenryError` REASON_NOT_FOUND for an unknown one."""
        if not is_short_name(slug):
            raise NotFound("There is nothing here.")
        answer = await self._backends.workspace.ResolveWorkspace(
            ResolveWorkspaceRequest(slug=slug), metadata=browser.metadata
        )
        return WorkspaceName(UUID(answer.workspace_id), slug, answer.name)


def is_short_name(slug: str) -> bool:
    """Whether it can be one at all."""
    return _SLUG.fullmatch(slug) is not None
