"""The page on which a workspace is chosen, created and opened."""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.edge.problem import Problem
from services.gateway.edge.rendering import rendered
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge, Visit
from services.gateway.edge.workspaces import WorkspaceNames
from services.gateway.pages.form import identifier_of, take
from services.gateway.pages.notice import Notice
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes, done, see
from services.gateway.pages.way_in import nothing
from wardenry.errors.error import NotFound
from wardenry.identity.v1.subject_pb2 import GetSubjectRequest
from wardenry.tenancy.v1.workspace_pb2 import CreateWorkspaceRequest, ListWorkspacesRequest


class WorkspacePages:
    """Choosing, creating and opening a workspace."""

    def __init__(self, *, edge: Edge, pages: Pages, routes: PageRoutes, sign_in: SignIn, names: WorkspaceNames) -> None:
        self._edge = edge
        self._pages = pages
        self._routes = routes
        self._sign_in = sign_in
        self._names = names

    def routes(self) -> list[Route]:
        show, submit = self._routes.show, self._routes.submit
        return [
            show("/workspaces", self.choose),
            submit("/workspaces", self.create, again=self.choose_again),
            submit("/w/{slug}/open", self.open),
            submit("/w/{slug}/audit/open", self.open_audit),
        ]

    async def choose(self, visit: Visit) -> Response:
        return await self._choose_page(visit, page=visit.query("page").get("page", ""))

    async def choose_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._choose_page(visit, form=fields, problem=problem)

    async def _choose_page(self, visit: Visit, *, page: str = "", **values: Any) -> Response:
        metadata = (await visit.browser.session_credentials()).metadata
        backends = self._edge.backends
        subject, found = await asyncio.gather(
            backends.subject.GetSubject(GetSubjectRequest(), metadata=metadata),
            backends.workspace.ListWorkspaces(ListWorkspacesRequest(page_token=page), metadata=metadata),
        )
        return self._pages.page(
            visit,
            "workspaces.html",
            here="workspaces",
            subject=rendered(subject),
            workspaces=rendered(found)["workspaces"],
            workspace_id=identifier_of(
                self._edge.ids, "workspace_id", form=values.get("form"), problem=values.get("problem")
            ),
            page=page,
            next_page=found.next_page_token,
            named={workspace.workspace_id: workspace.name for workspace in found.workspaces},
            **values,
        )

    async def create(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "name", "slug", "workspace_id")
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.workspace.CreateWorkspace(
            CreateWorkspaceRequest(**form), metadata=credentials.metadata
        )
        workspace = await self._names.resolve(visit.browser, answer.workspace.slug)
        await self._sign_in.open_workspace(visit.browser, workspace.workspace_id)
        return done(visit, f"/w/{workspace.slug}", Notice.WORKSPACE_CREATED)

    async def open(self, visit: Visit, fields: dict[str, str]) -> Response:
        return see(f"/w/{await self._open(visit, fields)}")

    async def open_audit(self, visit: Visit, fields: dict[str, str]) -> Response:
        return see(f"/w/{await self._open(visit, fields)}/audit")

    async def _open(self, visit: Visit, fields: dict[str, str]) -> str:
        take(fields)
        try:
            workspace = await self._names.resolve(visit.browser, visit.request.path_params["slug"])
            await self._sign_in.open_workspace(visit.browser, workspace.workspace_id)
        except NotFound:
            raise nothing() from None
        return workspace.slug
