"""The page about one's own data: a copy of all of it, and its erasure."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from libs.ids import Ids
from services.gateway.api.requests import archive_response
from services.gateway.edge.browser import Credentials
from services.gateway.edge.problem import Problem, Violation
from services.gateway.edge.rendering import rendered
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge, Visit
from services.gateway.pages.form import identifier_of, take
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import ERASED_PATH, PageRoutes, see
from wardenry.datarights.v1.request_pb2 import (
    RIGHT_ACCESS,
    RIGHT_ERASURE,
    CreateRequestRequest,
    ListRequestsRequest,
)
from wardenry.errors.error import NotFound
from wardenry.tenancy.v1.workspace_pb2 import ListWorkspacesRequest, Workspace

_PATH = "/account/data"
#: By the name in forms.
_RIGHTS = {"access": RIGHT_ACCESS, "erasure": RIGHT_ERASURE}

_MOST_LISTED = 100
_DONE = "This form was sent before, and what it asked for is done. Look below before you ask again."
_GONE = "This copy was downloaded already, or is no longer kept. Ask for a new one."


class RightsPages:
    """Requests, and the forms that make them. Whatever they do needs the password again: a session of its own."""

    def __init__(self, *, edge: Edge, pages: Pages, routes: PageRoutes, sign_in: SignIn) -> None:
        self._edge = edge
        self._pages = pages
        self._routes = routes
        self._sign_in = sign_in

    def routes(self) -> list[Route]:
        submit = self._routes.submit
        return [
            self._routes.show(_PATH, self.shown),
            self._routes.show(ERASED_PATH, self.erased),
            submit(_PATH + "/requests", self.create, again=self.shown_again, authentication=True),
            submit(_PATH + "/archive", self.archive, again=self.shown_again, authentication=True),
        ]

    async def shown(self, visit: Visit) -> Response:
        return await self._page(visit)

    async def shown_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._page(visit, fields, problem)

    async def erased(self, visit: Visit) -> Response:
        """The last page. It knows nobody: whoever was erased has no session any more."""
        return self._pages.page(visit, "erased.html", signed_in=False)

    async def create(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take({"understood": ""} | fields, "password", "right", "request_id", "understood")
        if form["right"] not in _RIGHTS:
            raise Problem(400, "FIELD_INVALID", "The form has invalid fields.")
        if form["right"] == "erasure" and form["understood"] != "yes":
            raise Problem(
                400,
                "FIELD_INVALID",
                "Nothing was erased: say first that you understand that it cannot be undone.",
                violations=(Violation("understood", "required"),),
            )
        async with self._sign_in.confirmed(visit.browser, password=form["password"]) as metadata:
            answer = await self._edge.backends.request.CreateRequest(
                CreateRequestRequest(request_id=form["request_id"], right=_RIGHTS[form["right"]]), metadata=metadata
            )
        if answer.request.HasField("completed_at"):
            # None is completed when it is made: this one was made before.
            raise Problem(409, "ALREADY_EXISTS", _DONE)
        if form["right"] == "erasure":
            visit.jar.set_erasure_asked()
        # No notice: the page says how far the request is, which may be further than when it was made.
        return see(_PATH)

    async def archive(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "password", "request_id")
        # The call is judged before its first chunk: what follows needs the session no more.
        async with self._sign_in.confirmed(visit.browser, password=form["password"]) as metadata:
            try:
                return await archive_response(self._edge, metadata, form["request_id"])
            except NotFound:
                raise Problem(404, "NOT_FOUND", _GONE) from None

    async def _page(self, visit: Visit, form: dict[str, str] | None = None, problem: Problem | None = None) -> Response:
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.request.ListRequests(ListRequestsRequest(), metadata=credentials.metadata)
        requests: list[dict[str, Any]] = rendered(answer)["requests"]
        copies = [each for each in requests if each["right"] == "RIGHT_ACCESS"]
        erasing = any(each["right"] == "RIGHT_ERASURE" and not each["completed_at"] for each in requests)
        if erasing:
            # Also for a browser in which it was not asked for: its session ends as well.
            visit.jar.set_erasure_asked()
        return self._pages.page(
            visit,
            "data.html",
            here="account",
            # The newest alone is offered: as soon as it is ready no earlier one can be fetched.
            copy=copies[0] if copies else None,
            earlier=copies[1:],
            erasing=erasing,
            request_ids={right: request_id_of(self._edge.ids, right, form=form, problem=problem) for right in _RIGHTS},
            obstacles=await self._obstacles(credentials, problem),
            form=form,
            problem=problem,
        )

    async def _obstacles(self, credentials: Credentials, problem: Problem | None) -> list[Workspace]:
        """The workspaces that stand in the way of an erasure, as far as they are on the first page of the person's."""
        found = set(problem.metadata.get("workspaces", "").split(",")) if problem else set()
        if found <= {""}:
            return []
        answer = await self._edge.backends.workspace.ListWorkspaces(
            ListWorkspacesRequest(page_size=_MOST_LISTED), metadata=credentials.metadata
        )
        return [workspace for workspace in answer.workspaces if workspace.workspace_id in found]


def request_id_of(ids: Ids, right: str, *, form: Mapping[str, str] | None, problem: Problem | None) -> str:
    """The identifier in the form of this right. Of the forms on the page it stays in the one that was sent alone."""
    mine = form if form is not None and form.get("right") == right else None
    return identifier_of(ids, "request_id", form=mine, problem=problem)
