"""The keys that access tokens are verified with."""

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.api.operation import Operation
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.visit import Edge
from wardenry.session.v1.token_pb2 import GetKeysRequest

GET = Operation(
    name="getTokenKeys",
    method="GET",
    path="/.well-known/jwks.json",
    summary="The public keys of access tokens (RFC 7517)",
    answer=Response,
    media=("application/jwk-set+json",),
    cache="public, max-age=300",
    rpcs=("wardenry.session.v1.TokenService.GetKeys",),
)


class Keys:
    """`/.well-known/jwks.json` (RFC 7517)."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        return [api_route(self._edge, GET, self.get)]

    async def get(self, call: Call) -> Response:
        answer = await self._edge.backends.token.GetKeys(GetKeysRequest())
        return Response(answer.jwks, media_type=GET.media[0])
