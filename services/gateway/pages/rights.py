"""The page about one's own data: a copy of all of it, and its erasure."""

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.api.requests import archive_response
from services.gateway.edge.problem import Problem, Violation
from services.gateway.edge.rendering import rendered
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge, Visit
from services.gateway.pages.form import take
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes, see
from wardenry.datarights.v1.request_pb2 import (
    RIGHT_ACCESS,
    RIGHT_ERASURE,
    CreateRequestRequest,
    ListRequestsRequest,
)

_PATH = "/account/data"
_RIGHTS = {"access": RIGHT_ACCESS, "erasure": RIGHT_ERASURE}


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
            submit(_PATH + "/requests", self.create, again=self.shown_again, authentication=True),
            submit(_PATH + "/archive", self.archive, again=self.shown_again, authentication=True),
        ]

    async def shown(self, visit: Visit) -> Response:
        return await self._page(visit, None)

    async def shown_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._page(visit, problem)

    async def create(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take({"understood": ""} | fields, "password", "right", "understood")
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
            await self._edge.backends.request.CreateRequest(
                CreateRequestRequest(request_id=str(self._edge.ids.uuid7()), right=_RIGHTS[form["right"]]),
                metadata=metadata,
            )
        return see(_PATH)

    async def archive(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "password", "request_id")
        # The call is judged before its first chunk: what follows needs the session no more.
        async with self._sign_in.confirmed(visit.browser, password=form["password"]) as metadata:
            return await archive_response(self._edge, metadata, form["request_id"])

    async def _page(self, visit: Visit, problem: Problem | None) -> Response:
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.request.ListRequests(ListRequestsRequest(), metadata=credentials.metadata)
        return self._pages.page(
            visit, "data.html", here="account", requests=rendered(answer)["requests"], problem=problem
        )
