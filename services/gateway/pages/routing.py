"""How a page runs: checks, handler, cookies; refusals become pages."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.gateway.edge.problem import Problem
from services.gateway.edge.visit import Edge, Visit, finish
from services.gateway.pages.form import CSRF_FIELD, read_form
from services.gateway.pages.notice import Notice
from services.gateway.pages.rendering import Pages
from wardenry.errors.error import WardenryError

Show = Callable[[Visit], Awaitable[Response]]
Submit = Callable[[Visit, dict[str, str]], Awaitable[Response]]
Again = Callable[[Visit, dict[str, str], Problem], Awaitable[Response]]

#: Where people end who were erased: a page for anybody.
ERASED_PATH = "/erased"


class NotOpened(Exception):
    """The page belongs to a workspace that this browser holds no good token for."""


class PageRoutes:
    """Makes routes for pages."""

    def __init__(self, *, edge: Edge, pages: Pages) -> None:
        self._edge = edge
        self._pages = pages

    def show(self, path: str, handler: Show) -> Route:
        """A page that is looked at."""

        async def run(visit: Visit) -> Response:
            await self._edge.limit(visit, authentication=False)
            return await handler(visit)

        return self._route("GET", path, run)

    def submit(self, path: str, handler: Submit, *, again: Again | None = None, authentication: bool = False) -> Route:
        """A form that is sent. `again` shows it after a refusal, with what was typed; else the refusal is a page."""

        async def run(visit: Visit) -> Response:
            too_often = await self._too_often(visit, authentication=authentication, shown_again=again is not None)
            fields = await read_form(visit.request)
            self._edge.require_same_origin(visit, fields.get(CSRF_FIELD, ""))
            try:
                if too_often is not None:
                    raise too_often
                return await handler(visit, fields)
            except (Problem, WardenryError) as error:
                problem = error if isinstance(error, Problem) else Problem.of(error)
                if again is None or (problem.status == 401 and problem.reason.startswith(("TOKEN_", "REFRESH_"))):
                    raise problem from error
                return await again(visit, fields, problem)

        return self._route("POST", path, run)

    async def _too_often(self, visit: Visit, *, authentication: bool, shown_again: bool) -> Problem | None:
        """The refusal of a form that came too often, where the form is shown again with what was typed: that costs
        what a page costs, and counts as one. Raises `Problem` 429 everywhere else."""
        try:
            await self._edge.limit(visit, authentication=authentication)
        except Problem as problem:
            if not (authentication and shown_again):
                raise
            await self._edge.limit(visit, authentication=False)
            return problem
        return None

    def refusal(self, request: Request, problem: Problem) -> Response:
        """The page for a request that no route takes."""
        visit = self._edge.visit(request)
        return finish(visit, self._pages.problem(visit, problem))

    def _route(self, method: str, path: str, run: Show) -> Route:
        async def endpoint(request: Request) -> Response:
            visit = self._edge.visit(request)
            signed_in = visit.browser.holds_session
            try:
                self._edge.refuse_credentials_in_url(request)
                response = await run(visit)
            except (Problem, WardenryError) as error:
                problem = error if isinstance(error, Problem) else Problem.of(error)
                if problem.status == 401 and signed_in and visit.jar.take_erasure_asked():
                    response = see(ERASED_PATH)
                elif problem.status == 401:
                    notice = Notice.SESSION_ENDED if signed_in else Notice.SIGN_IN_FIRST
                    response = done(visit, "/sign-in", notice)
                else:
                    response = self._pages.problem(visit, problem)
            except NotOpened:
                # A form of a workspace that was left meanwhile: its page says how to come in.
                response = see(f"/w/{visit.request.path_params['slug']}")
            return finish(visit, response)

        return Route(path, endpoint, methods=[method])


def see(path: str) -> Response:
    """After a form: look at `path`, which is one of our own."""
    return RedirectResponse(path, 303)


def done(visit: Visit, path: str, notice: Notice, about: str = "") -> Response:
    """After a form: look at `path`, where `notice` is said, once. `about` is the identifier of what it names."""
    visit.jar.set_notice(notice.cookie(about))
    return see(path)
