"""How a JSON route runs: checks, handler, rendering, cookies; one place for all of them."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.gateway.edge.problem import Problem
from services.gateway.edge.visit import Edge, Visit, finish
from wardenry.errors.error import WardenryError

Handler = Callable[[Visit], Awaitable[Response]]
_SAFE = frozenset({"GET", "HEAD"})


def api_route(edge: Edge, method: str, path: str, handler: Handler, *, authentication: bool = False) -> Route:
    """A route of the JSON API. Unsafe methods need a matching Origin and the CSRF token in X-CSRF-Token."""

    async def endpoint(request: Request) -> Response:
        visit = edge.visit(request)
        try:
            edge.refuse_credentials_in_url(request)
            await edge.limit(visit, authentication=authentication)
            if method not in _SAFE:
                edge.require_same_origin(visit, request.headers.get("x-csrf-token", ""))
            response = await handler(visit)
        except Problem as problem:
            response = problem.response()
        except WardenryError as error:
            response = Problem.of(error).response()
        return finish(visit, response)

    return Route(path, endpoint, methods=[method])


def created(body: object) -> Response:
    return JSONResponse(body, 201)


def done() -> Response:
    return Response(status_code=204)
