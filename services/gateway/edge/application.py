"""The ASGI application: routes, and what answers when none does."""

from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from services.gateway.edge.headers import SecurityHeaders
from services.gateway.edge.problem import Problem

_STATIC = Path(__file__).parents[1] / "pages" / "static"


def application(routes: Sequence[BaseRoute]) -> ASGIApp:
    """The edge, with `routes` beside its static files and its health check."""
    app = Starlette(
        routes=[
            Route("/healthz", _health, methods=["GET"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
            *routes,
        ],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    # It would send browsers on to whatever host the request names.
    app.router.redirect_slashes = False
    # Around all of Starlette: its own middlewares stand inside the one that answers 500.
    return SecurityHeaders(app)


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 405:
        problem = Problem(405, "FIELD_INVALID", "The method is not allowed here.")
    else:
        problem = Problem(error.status_code, "NOT_FOUND", "There is nothing here.")
    response = problem.response()
    if error.headers:
        response.headers.update(error.headers)
    return response


async def _failed(request: Request, error: Exception) -> Response:
    # Starlette logs the error and its traceback after this answer; the client is told nothing of it.
    return Problem(500, "INTERNAL", "Something went wrong on our side.").response()
