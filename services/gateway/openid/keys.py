"""The keys that access tokens are verified with."""

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.api.routing import api_route
from services.gateway.edge.visit import Edge, Visit
from wardenry.session.v1.token_pb2 import GetKeysRequest


class Keys:
    """`/.well-known/jwks.json` (RFC 7517)."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        return [api_route(self._edge, "GET", "/.well-known/jwks.json", self.get)]

    async def get(self, visit: Visit) -> Response:
        answer = await self._edge.backends.token.GetKeys(GetKeysRequest())
        return Response(
            answer.jwks, media_type="application/jwk-set+json", headers={"Cache-Control": "public, max-age=300"}
        )
