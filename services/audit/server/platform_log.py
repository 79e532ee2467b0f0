"""PlatformLogService: the tree that all logs hang on, for everybody."""

from typing import Any

from libs.ids import PLATFORM
from libs.merkle.proofs import Tile
from services.audit.commands.log import ProveLog
from services.audit.commands.tile import ReadTiles
from wardenry.audit.v1 import log_pb2, log_pb2_grpc


class PlatformLogHandlers(log_pb2_grpc.PlatformLogServiceServicer):
    def __init__(self, *, proving: ProveLog, tiles: ReadTiles) -> None:
        self._proving = proving
        self._tiles = tiles

    async def GetPlatformCheckpoint(
        self, request: log_pb2.GetPlatformCheckpointRequest, context: Any
    ) -> log_pb2.GetPlatformCheckpointResponse:
        checkpoint = await self._proving.checkpoint(PLATFORM)
        response = log_pb2.GetPlatformCheckpointResponse(checkpoint=checkpoint.note)
        if checkpoint.signed_at is not None:
            response.signed_at.FromDatetime(checkpoint.signed_at)
        return response

    async def GetPlatformTile(
        self, request: log_pb2.GetPlatformTileRequest, context: Any
    ) -> log_pb2.GetPlatformTileResponse:
        tile = await self._tiles.hashes(PLATFORM, Tile(request.level, request.number), width=request.width)
        return log_pb2.GetPlatformTileResponse(tile=tile)
