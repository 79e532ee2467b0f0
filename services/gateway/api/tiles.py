"""Logs as static pieces, as C2SP tlog-tiles asks: a workspace's for who may read it, the platform's for everybody."""

import re
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from libs.ids import PLATFORM
from services.gateway.api.operation import Acting, Operation
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.problem import Problem
from services.gateway.edge.visit import Edge
from wardenry.audit.v1.log_pb2 import GetPlatformCheckpointRequest, GetPlatformTileRequest, GetTileRequest

_LOG = "/api/v1/workspaces/{workspace_id}/audit"
#: The origin of the platform log is the host, and this.
_PLATFORM = f"/audit/{PLATFORM}"
_FULL = 256
#: A level or "entries"; the number in groups of three digits, all but the last after an x; the width unless it is full.
_PATH = re.compile(r"(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")

_TILE = "application/octet-stream"

TILE = Operation(
    name="getTile",
    method="GET",
    path=_LOG + "/tile/{path:path}",
    summary="A tile of the workspace's log (C2SP tlog-tiles)",
    acting=Acting.MEMBER,
    answer=Response,
    media=(_TILE,),
    rpcs=("wardenry.audit.v1.LogService.GetTile",),
)
PLATFORM_CHECKPOINT = Operation(
    name="getPlatformCheckpoint",
    method="GET",
    path=_PLATFORM + "/checkpoint",
    summary="The newest signed checkpoint of the platform log, which witnesses cosign",
    answer=Response,
    media=("text/plain; charset=utf-8",),
    cache="public, max-age=5",
    rpcs=("wardenry.audit.v1.PlatformLogService.GetPlatformCheckpoint",),
)
PLATFORM_TILE = Operation(
    name="getPlatformTile",
    method="GET",
    path=_PLATFORM + "/tile/{path:path}",
    summary="A tile of the platform log (C2SP tlog-tiles); hashes alone, never its entries",
    answer=Response,
    media=(_TILE,),
    cache="public, max-age=31536000, immutable",
    rpcs=("wardenry.audit.v1.PlatformLogService.GetPlatformTile",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePath:
    """What a path names."""

    level: int
    number: int
    width: int
    entries: bool


def tile_of(path: str) -> TilePath | None:
    """What is after `tile/`; None when that is no tile's one and only path."""
    match = _PATH.fullmatch(path)
    if match is None or match[2].startswith("x000") or int(match[3] or 1) >= _FULL:
        return None
    entries = match[1] == "entries"
    return TilePath(
        level=0 if entries else int(match[1]),
        number=int(re.sub("[x/]", "", match[2])),
        width=int(match[3] or _FULL),
        entries=entries,
    )


class Tiles:
    """Routes of tiles, and of the platform log's checkpoint."""

    def __init__(self, *, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, TILE, self.tile),
            api_route(edge, PLATFORM_CHECKPOINT, self.platform_checkpoint),
            api_route(edge, PLATFORM_TILE, self.platform_tile),
        ]

    async def tile(self, call: Call) -> Response:
        wanted = _wanted(call)
        answer = await self._edge.backends.log.GetTile(
            GetTileRequest(level=wanted.level, number=wanted.number, width=wanted.width, entries=wanted.entries),
            metadata=call.metadata,
        )
        return Response(answer.tile, media_type=_TILE)

    async def platform_checkpoint(self, call: Call) -> Response:
        answer = await self._edge.backends.platform_log.GetPlatformCheckpoint(GetPlatformCheckpointRequest())
        return Response(answer.checkpoint, media_type=PLATFORM_CHECKPOINT.media[0])

    async def platform_tile(self, call: Call) -> Response:
        wanted = _wanted(call)
        if wanted.entries:
            # What the platform's entries say is nobody's to read here; their hashes are everybody's.
            raise _not_found()
        answer = await self._edge.backends.platform_log.GetPlatformTile(
            GetPlatformTileRequest(level=wanted.level, number=wanted.number, width=wanted.width)
        )
        return Response(answer.tile, media_type=_TILE)


def _wanted(call: Call) -> TilePath:
    wanted = tile_of(call.visit.request.path_params["path"])
    if wanted is None:
        raise _not_found()
    return wanted


def _not_found() -> Problem:
    return Problem(404, "NOT_FOUND", "The log has no such tile.")
