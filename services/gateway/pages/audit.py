"""The page of a workspace's audit log, and its exports."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from libs.events.envelope import action_names
from services.gateway.api.audit import entry_filter, export_response
from services.gateway.edge.browser import Credentials
from services.gateway.edge.rendering import moment, rendered
from services.gateway.edge.visit import Edge, Visit
from services.gateway.pages.form import take
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes
from services.gateway.pages.way_in import WayIn
from wardenry.audit.v1.entry_pb2 import Entry, EntryFilter, ListEntriesRequest
from wardenry.audit.v1.log_pb2 import GetCheckpointRequest
from wardenry.errors.error import WardenryError
from wardenry.permissions import Permission, allows
from wardenry.tenancy.v1.membership_pb2 import ListMembersRequest
from wardenry.tenancy.v1.workspace_pb2 import GetWorkspaceRequest

#: Members whose names stand in the log instead of their ids.
_NAMED_MEMBERS = 100
_UUID_LENGTH = 36
#: What a log of ours can hold, beside what products write.
_ACTIONS = sorted(action_names())


class AuditPages:
    """What happened in a workspace."""

    def __init__(self, *, edge: Edge, pages: Pages, routes: PageRoutes, way_in: WayIn) -> None:
        self._edge = edge
        self._pages = pages
        self._routes = routes
        self._way_in = way_in

    def routes(self) -> list[Route]:
        return [
            self._routes.show("/w/{slug}/audit", self._way_in.where_opened(self.audit)),
            self._routes.submit("/w/{slug}/audit/export", self.export),
        ]

    async def audit(self, visit: Visit) -> Response:
        query = visit.query("page", "action", "outcome")
        credentials = await self._way_in.credentials(visit)
        backends, metadata, page = self._edge.backends, credentials.metadata, query.get("page", "")
        workspace, members, answer = await asyncio.gather(
            backends.workspace.GetWorkspace(GetWorkspaceRequest(), metadata=metadata),
            backends.membership.ListMembers(ListMembersRequest(page_size=_NAMED_MEMBERS), metadata=metadata),
            backends.entry.ListEntries(
                ListEntriesRequest(filter=entry_filter(query), page_token=page), metadata=metadata
            ),
        )
        # Only whoever may read the entries asks for it: what is refused is refused, and written down, once.
        checkpoint = await self._checkpoint(credentials)
        names = {member.subject_id: member.display_name for member in members.members if member.display_name}
        return self._pages.page(
            visit,
            "audit.html",
            workspace=rendered(workspace)["workspace"],
            actions=_ACTIONS,
            entries=[_row(entry, names) for entry in answer.entries],
            filter={"action": query.get("action", ""), "outcome": query.get("outcome", "")},
            may_export=allows(credentials.claims.role, Permission.AUDIT_EXPORT),
            checkpoint=checkpoint,
            page=page,
            next_page=answer.next_page_token,
        )

    async def _checkpoint(self, credentials: Credentials) -> str:
        try:
            answer = await self._edge.backends.log.GetCheckpoint(GetCheckpointRequest(), metadata=credentials.metadata)
        except WardenryError:
            return ""  # not signed yet: the entries are worth showing without it
        return answer.checkpoint

    async def export(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "format")
        credentials = await self._way_in.credentials(visit)
        slug = visit.request.path_params["slug"]
        return await export_response(self._edge, credentials, form["format"], EntryFilter(), name=slug)


def _row(entry: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    values = {(value.person, value.field): "(erased)" if value.erased else value.value for value in entry.values}
    agent = values.get(("actor", "user_agent"), "")
    return {
        "index": entry.index,
        "occurred_at": moment(entry.occurred_at),
        "actor": names.get(entry.actor_id) or _short(entry.actor_id) or _nobody(entry),
        "actor_id": entry.actor_id,
        "action": entry.action,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "target": " ".join(filter(None, (entry.target_kind, names.get(entry.target_id) or _short(entry.target_id)))),
        "target_id": entry.target_id,
        "ip_address": values.get(("actor", "ip_address"), ""),
        "user_agent": agent,
        # What follows the last comment is the browser itself; before it, all browsers say what Mozilla once said.
        "browser": agent.rpartition(") ")[2],
    }


def _nobody(entry: Entry) -> str:
    """Who acted where it was no known person: a visitor, or a service by its name."""
    return entry.client if entry.actor_kind == "service" else entry.actor_kind


def _short(identifier: str) -> str:
    # The last part of a UUID is all random: it tells entries apart. A product's own id is shown as it is.
    return f"…{identifier[-8:]}" if len(identifier) == _UUID_LENGTH else identifier
