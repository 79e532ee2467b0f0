"""The description of this API, for programs: OpenAPI 3.1. It is generated from the operations and committed."""

from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.api.operation import Operation
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.visit import Edge

#: `python -m services.gateway.description` writes it.
FILE: Final = Path(__file__).with_name("openapi.json")

GET = Operation(
    name="getDescription",
    method="GET",
    path="/api/v1/openapi.json",
    summary="This description",
    answer=Response,
    media=("application/json",),
    cache="public, max-age=300",
)


class Description:
    """`/api/v1/openapi.json`."""

    def __init__(self, *, edge: Edge) -> None:
        """Raises OSError."""
        self._edge = edge
        self._document = FILE.read_bytes()

    def routes(self) -> list[Route]:
        return [api_route(self._edge, GET, self.get)]

    async def get(self, call: Call) -> Response:
        return Response(self._document, media_type=GET.media[0])
