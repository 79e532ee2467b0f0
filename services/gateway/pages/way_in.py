"""Into a workspace: its pages for a browser in which it is open, and the way in for every other one."""

from starlette.responses import Response

from services.gateway.edge.browser import Credentials
from services.gateway.edge.problem import Problem
from services.gateway.edge.visit import Edge, Visit
from services.gateway.edge.workspaces import WorkspaceNames, is_short_name
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import NotOpened, Show, see
from wardenry.errors.error import NotFound
from wardenry.tenancy.v1.workspace_pb2 import ListWorkspacesRequest

_MOST_LISTED = 100


class WayIn:
    """Stands before every page of a workspace."""

    def __init__(self, *, edge: Edge, pages: Pages, names: WorkspaceNames) -> None:
        self._edge = edge
        self._pages = pages
        self._names = names

    async def credentials(self, visit: Visit) -> Credentials:
        """Raises NotOpened when this browser holds no good token, and alike where there is no such workspace."""
        slug = visit.request.path_params["slug"]
        if not is_short_name(slug):
            raise nothing()
        try:
            workspace = await self._names.resolve(visit.browser, slug)
            return await visit.browser.credentials(workspace.workspace_id)
        except NotFound as error:
            raise NotOpened from error
        except Problem as problem:
            if problem.status != 401:
                raise
            raise NotOpened from problem

    def where_opened(self, handler: Show) -> Show:
        """The page where its workspace is open in this browser; where it is not, the way in: a form, never the visit
        itself. A workspace that is not the person's is answered like one that does not exist."""

        async def run(visit: Visit) -> Response:
            try:
                return await handler(visit)
            except NotOpened:
                pass
            slug = visit.request.path_params["slug"]
            try:
                credentials = await visit.browser.session_credentials()
            except Problem as problem:
                if problem.status != 401:
                    raise
                return see(f"/w/{slug}/sign-in")
            name = await self._own_name(credentials, slug)
            return self._pages.page(
                visit, "open.html", here="workspaces", name=name, action=f"{visit.request.url.path}/open"
            )

        return run

    async def _own_name(self, credentials: Credentials, slug: str) -> str:
        """The name of the person's workspace with this short name. Raises `Problem` 404 where they have none such."""
        request = ListWorkspacesRequest(page_size=_MOST_LISTED)
        while True:
            answer = await self._edge.backends.workspace.ListWorkspaces(request, metadata=credentials.metadata)
            for workspace in answer.workspaces:
                if workspace.slug == slug:
                    return workspace.name
            if not answer.next_page_token:
                raise nothing()
            request.page_token = answer.next_page_token


def nothing() -> Problem:
    """What is said of a workspace that is not there, or not the person's."""
    return Problem(404, "NOT_FOUND", "There is nothing here.")
