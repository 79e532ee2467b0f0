"""How a JSON route runs: checks, reading, handler, rendering, cookies; one place for all of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.gateway.api.operation import Acting, Operation
from services.gateway.edge.body import read_nothing, read_object
from services.gateway.edge.browser import Browser, Credentials, Metadata
from services.gateway.edge.cookies import CookieJar
from services.gateway.edge.problem import Problem, Violation
from services.gateway.edge.rendering import rendered
from services.gateway.edge.visit import Edge, Visit, finish
from wardenry.errors.error import WardenryError

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A visit of an operation: what was sent, read as the operation says, and who sent it."""

    visit: Visit
    body: Mapping[str, Any]
    query: Mapping[str, str]
    credentials: Credentials | None

    @property
    def browser(self) -> Browser:
        return self.visit.browser

    @property
    def jar(self) -> CookieJar:
        return self.visit.jar

    @property
    def signed_in(self) -> Credentials:
        """The token of whom the operation acts for. Raises `Problem` 401 where it acts for nobody."""
        if self.credentials is None:
            raise Problem(401, "TOKEN_INVALID", "Sign in first.")
        return self.credentials

    @property
    def metadata(self) -> Metadata:
        """What calls to the services carry: the token of whom the operation acts for, and where it comes from."""
        return self.credentials.metadata if self.credentials else self.browser.metadata

    def identifier(self, name: str) -> str:
        """The UUID in the path under `name`. Raises `Problem` 404 for anything else."""
        return self.visit.identifier(name)


class ApiRoute(Route):
    """A route, and the operation that it serves."""

    def __init__(self, operation: Operation[Any], endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        super().__init__(operation.path, endpoint, methods=[operation.method])
        self.operation = operation


def api_route(edge: Edge, operation: Operation[Answer], handler: Callable[[Call], Awaitable[Answer]]) -> ApiRoute:
    """The route of an operation. Unsafe methods need a matching Origin and the CSRF token in X-CSRF-Token.

    What the handler answers is rendered: a message or a struct as JSON, None as nothing, a response as it is.
    """

    async def endpoint(request: Request) -> Response:
        visit = edge.visit(request)
        try:
            edge.refuse_credentials_in_url(request)
            await edge.limit(visit, authentication=operation.authentication)
            if not operation.safe:
                edge.require_same_origin(visit, request.headers.get("x-csrf-token", ""))
            response = _response(await handler(await _read(visit, operation)), operation)
        except Problem as problem:
            response = problem.response()
        except WardenryError as error:
            response = Problem.of(error).response()
        return finish(visit, response)

    return ApiRoute(operation, endpoint)


async def _read(visit: Visit, operation: Operation[Any]) -> Call:
    query = visit.query(*operation.query)
    missing = [name for name, each in operation.query.items() if each.required and name not in query]
    if missing:
        violations = tuple(Violation(name, "required") for name in missing)
        raise Problem(400, "FIELD_INVALID", "The request has invalid parameters.", violations=violations)
    body: Mapping[str, Any] = {}
    if operation.body is not None:
        body = await read_object(visit.request, required=operation.required, optional=operation.optional)
    elif not operation.safe:
        await read_nothing(visit.request)
    return Call(visit=visit, body=body, query=query, credentials=await _credentials(visit, operation.acting))


async def _credentials(visit: Visit, acting: Acting) -> Credentials | None:
    match acting:
        case Acting.NOBODY:
            return None
        case Acting.PERSON:
            return await visit.browser.session_credentials()
        case Acting.MEMBER:
            return await visit.browser.credentials(visit.workspace_id())


def _response(answer: object, operation: Operation[Any]) -> Response:
    if isinstance(answer, Response):
        response = answer
    elif answer is None:
        response = Response(status_code=operation.status)
    else:
        body = rendered(answer) if isinstance(answer, Message) else msgspec.to_builtins(answer)
        response = JSONResponse(body, operation.status)
    if operation.cache:
        response.headers["Cache-Control"] = operation.cache
    return response
