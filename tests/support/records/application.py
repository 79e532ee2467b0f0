"""The example over HTTP: an ASGI application that knows nothing of tokens, and the permissions that protect it."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.records.changes import Changes
from tests.support.records.store import RecordAbsent, RecordPresent
from wardenry.callers import Caller, caller_of
from wardenry.errors.error import WardenryError

#: What each request needs; anything else is refused.
PERMISSIONS = {
    "GET /records": "record.read",
    "POST /records/{id}": "record.write",
    "PUT /records/{id}": "record.write",
    "DELETE /records/{id}": "record.delete",
}
LONGEST_TEXT = 10_000


def application(changes: Changes) -> Starlette:
    """GET /records; POST, PUT and DELETE /records/{id} with the text as body."""

    async def listed(request: Request) -> Response:
        return JSONResponse(changes.list(caller_of(request.scope)))

    async def changed(request: Request) -> Response:
        caller, record_id = caller_of(request.scope), request.path_params["id"]
        text = (await request.body())[:LONGEST_TEXT].decode(errors="replace")
        client = {
            "address": request.client.host if request.client else "",
            "agent": request.headers.get("user-agent", ""),
        }
        try:
            await _carry_out(request.method, caller, record_id, text, client)
        except RecordAbsent:
            return Response(status_code=404)
        except RecordPresent:
            return Response(status_code=409)
        except WardenryError as error:
            return JSONResponse({"error": {"reason": error.reason_name, "message": error.message}}, status_code=503)
        return Response(status_code=201 if request.method == "POST" else 204)

    async def _carry_out(method: str, caller: Caller, record_id: str, text: str, client: dict[str, str]) -> None:
        if method == "POST":
            await changes.create(caller, record_id, text, **client)
        elif method == "PUT":
            await changes.update(caller, record_id, text, **client)
        else:
            await changes.delete(caller, record_id, **client)

    return Starlette(
        routes=[
            Route("/records", listed, methods=["GET"]),
            Route("/records/{id}", changed, methods=["POST", "PUT", "DELETE"]),
        ]
    )
