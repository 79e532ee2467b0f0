"""Checkpoints and proofs, for whoever wants to check a log."""

from uuid import UUID

from libs.merkle.frontier import TILE_BITS, TILE_WIDTH
from libs.merkle.proofs import Proofs, Tile, tiles_for
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.domain.errors import CheckpointNotFound, EntryNotFound
from services.audit.domain.log import LARGEST_SIZE, ConsistencyProof, InclusionProof, SignedCheckpoint
from services.audit.domain.ports import UnitOfWork, UnitsOfWork
from wardenry.log.tree import HASH_BYTES


class ProveLog:
    """Proves one log's entries and history from stored hashes."""

    def __init__(self, *, units: UnitsOfWork, checkpoints: SignCheckpoints) -> None:
        self._units = units
        self._checkpoints = checkpoints

    async def checkpoint(self, log: UUID) -> SignedCheckpoint:
        """The newest one."""
        return await self._checkpoints.newest(log)

    async def checkpoint_of_size(self, log: UUID, size: int) -> SignedCheckpoint:
        """The one of this size. Raises CheckpointNotFound."""
        async with self._units.begin([log]) as work:
            return await _of_size(work, log, size)

    async def inclusion(self, log: UUID, index: int, *, size: int) -> InclusionProof:
        """That entry `index` is in the tree of a checkpoint; size 0 takes the newest.

        Raises EntryNotFound, CheckpointNotFound.
        """
        newest = await self.checkpoint(log) if size == 0 else None
        async with self._units.begin([log]) as work:
            checkpoint = newest or await _of_size(work, log, size)
            if index >= checkpoint.size:
                raise EntryNotFound
            tiles = await work.trees.tiles(log, tiles_for([index], checkpoint.size))
        start = index % TILE_WIDTH * HASH_BYTES
        return InclusionProof(
            index=index,
            leaf_hash=tiles[Tile(0, index >> TILE_BITS)][start : start + HASH_BYTES],
            hashes=Proofs(size=checkpoint.size, tiles=tiles).inclusion(index),
            checkpoint=checkpoint,
        )

    async def consistency(self, log: UUID, first_size: int, *, second_size: int) -> ConsistencyProof:
        """That the first tree is a prefix of a checkpoint's; second size 0 takes the newest.

        Raises CheckpointNotFound, also when the first tree is larger than the second.
        """
        newest = await self.checkpoint(log) if second_size == 0 else None
        async with self._units.begin([log]) as work:
            checkpoint = newest or await _of_size(work, log, second_size)
            if not 0 < first_size <= checkpoint.size:
                raise CheckpointNotFound
            tiles = await work.trees.tiles(log, tiles_for([first_size - 1], checkpoint.size))
        hashes = Proofs(size=checkpoint.size, tiles=tiles).consistency(first_size)
        return ConsistencyProof(first_size=first_size, hashes=hashes, checkpoint=checkpoint)


async def _of_size(work: UnitOfWork, log: UUID, size: int) -> SignedCheckpoint:
    checkpoint = await work.checkpoints.of_size(log, size) if size <= LARGEST_SIZE else None
    if checkpoint is None:
        raise CheckpointNotFound
    return checkpoint
