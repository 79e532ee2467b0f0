"""The ASGI application: routes, and what answers when none does."""

import logging
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp

from services.gateway.edge.assets import Assets
from services.gateway.edge.headers import SecurityHeaders
from services.gateway.edge.loopback import LoopbackName
from services.gateway.edge.problem import Problem

_log = logging.getLogger(__name__)

#: Where programs ask: they are always answered in JSON.
_PROGRAMS = ("/api/", "/.well-known/")


def application(
    routes: Sequence[BaseRoute], *, refusal: Callable[[Request, Problem], Response], http_origin: str = ""
) -> ASGIApp:
    """The edge, with `routes` beside its static files and its health check.

    `refusal` is the page that people see where there is no route; programs get the problem as JSON.
    `http_origin` is where pages over plain HTTP come from; empty where there are none.
    """

    def answered(request: Request, problem: Problem) -> Response:
        if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(_PROGRAMS):
            return refusal(request, problem)
        return problem.response()

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        response = answered(request, _problem_of(error))
        response.headers.update(error.headers or {})
        if error.status_code == 405 and (methods := _methods(app.routes, request)):
            response.headers["Allow"] = ", ".join(sorted(methods))
        return response

    async def failed(request: Request, error: Exception) -> Response:
        # Starlette logs the error and its traceback after this answer; the client is told nothing of it.
        problem = Problem(500, "INTERNAL", "Something went wrong on our side.")
        try:
            return answered(request, problem)
        except Exception:
            # From here the server itself would answer, which stands around the headers that every answer carries.
            _log.exception("the page of a refusal was not made")
            return problem.response()

    app = Starlette(
        routes=[
            Route("/healthz", _health, methods=["GET"]),
            Assets().route(),
            *routes,
        ],
        exception_handlers={HTTPException: refused, Exception: failed},
    )
    # It would send browsers on to whatever host the request names.
    app.router.redirect_slashes = False
    # Around all of Starlette: its own middlewares stand inside the one that answers 500.
    return SecurityHeaders(LoopbackName(app, origin=http_origin) if http_origin else app)


def _methods(routes: Sequence[BaseRoute], request: Request) -> set[str]:
    """Every method that the path takes (RFC 9110 section 10.2.1): Starlette tells those of one of its routes alone."""
    found = (
        route for route in routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    )
    return {method for route in found for method in route.methods or ()}


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _problem_of(error: HTTPException) -> Problem:
    if error.status_code == 405:
        return Problem(405, "FIELD_INVALID", "The method is not allowed here.")
    return Problem(error.status_code, "NOT_FOUND", "There is nothing here.")
