"""LogService: checkpoints and proofs."""

from collections.abc import Sequence
from typing import Any

from libs.merkle.proofs import Tile
from libs.rpc.call import call_of
from services.audit.commands.anchor import ProveAnchor
from services.audit.commands.key import PublishKeys
from services.audit.commands.log import ProveLog
from services.audit.commands.tile import ReadTiles
from services.audit.domain.errors import TileNotFound
from wardenry.audit.v1 import log_pb2, log_pb2_grpc


class LogHandlers(log_pb2_grpc.LogServiceServicer):
    def __init__(self, *, proving: ProveLog, anchors: ProveAnchor, tiles: ReadTiles, keys: PublishKeys) -> None:
        self._proving = proving
        self._anchors = anchors
        self._tiles = tiles
        self._keys = keys

    async def GetCheckpoint(self, request: log_pb2.GetCheckpointRequest, context: Any) -> log_pb2.GetCheckpointResponse:
        checkpoint = await self._proving.checkpoint(call_of(context).workspace)
        return log_pb2.GetCheckpointResponse(checkpoint=checkpoint.note)

    async def GetInclusionProof(
        self, request: log_pb2.GetInclusionProofRequest, context: Any
    ) -> log_pb2.GetInclusionProofResponse:
        log = call_of(context).workspace
        proof = await self._proving.inclusion(log, request.index, size=request.tree_size)
        return log_pb2.GetInclusionProofResponse(
            index=proof.index,
            tree_size=proof.checkpoint.size,
            leaf_hash=proof.leaf_hash,
            hashes=proof.hashes,
            checkpoint=proof.checkpoint.note,
        )

    async def GetConsistencyProof(
        self, request: log_pb2.GetConsistencyProofRequest, context: Any
    ) -> log_pb2.GetConsistencyProofResponse:
        log = call_of(context).workspace
        proof = await self._proving.consistency(log, request.first_size, second_size=request.second_size)
        return log_pb2.GetConsistencyProofResponse(
            first_size=proof.first_size,
            second_size=proof.checkpoint.size,
            hashes=proof.hashes,
            checkpoint=proof.checkpoint.note,
        )

    async def GetAnchor(self, request: log_pb2.GetAnchorRequest, context: Any) -> log_pb2.GetAnchorResponse:
        log = call_of(context).workspace
        consistency: Sequence[bytes] = ()
        if request.covering:
            proof, consistency = await self._anchors.covering(log, size=request.covering)
        else:
            proof = await self._anchors.prove(log, size=request.size)
        return log_pb2.GetAnchorResponse(
            nonce=proof.nonce,
            checkpoint=proof.checkpoint.note,
            leaf=proof.leaf,
            index=proof.inclusion.index,
            hashes=proof.inclusion.hashes,
            platform_checkpoint=proof.inclusion.checkpoint.note,
            consistency=consistency,
        )

    async def GetTile(self, request: log_pb2.GetTileRequest, context: Any) -> log_pb2.GetTileResponse:
        log = call_of(context).workspace
        if not request.entries:
            tile = await self._tiles.hashes(log, Tile(request.level, request.number), width=request.width)
        elif request.level == 0:
            tile = await self._tiles.entries(log, request.number, width=request.width)
        else:
            raise TileNotFound
        return log_pb2.GetTileResponse(tile=tile)

    async def GetVerifierKeys(
        self, request: log_pb2.GetVerifierKeysRequest, context: Any
    ) -> log_pb2.GetVerifierKeysResponse:
        keys = await self._keys.published()
        return log_pb2.GetVerifierKeysResponse(
            keys=map(str, keys.present),
            retired=[log_pb2.RetiredKey(key=str(each.key), platform_size=each.platform_size) for each in keys.retired],
        )
