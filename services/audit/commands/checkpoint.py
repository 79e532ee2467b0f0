"""Signing what was committed."""

import logging
from collections.abc import Collection, Mapping
from uuid import UUID

from services.audit.domain.errors import SigningPaused
from services.audit.domain.log import CheckpointSigner, SignedCheckpoint, TreeHead
from services.audit.domain.ports import UnitsOfWork
from wardenry.clock import Clock
from wardenry.log.tree import EMPTY_ROOT

_log = logging.getLogger(__name__)


class SignCheckpoints:
    """Signs tree heads that are committed and stored in segments, and only those: what was signed can never turn out
    not to have happened, nor be lost with the database."""

    def __init__(self, *, units: UnitsOfWork, signer: CheckpointSigner, clock: Clock) -> None:
        self._units = units
        self._signer = signer
        self._clock = clock
        #: Whether the key was not the present one when it was last to sign.
        self._refused = False

    async def sign(self, logs: Collection[UUID]) -> Mapping[UUID, SignedCheckpoint]:
        """The newest checkpoint of each log, made first where the newest head has none and may have one. A log of
        which none was released has the one of no entries. Where the key is not the logs' present one, none is made."""
        async with self._units.begin(logs) as work:
            newest = await work.checkpoints.newest(logs)
            heads = {log: TreeHead(log=log, size=0, root=EMPTY_ROOT) for log in logs if log not in newest}
            heads |= {head.log: head for head in await work.trees.releasable(logs)}
            lacking = [head for log, head in heads.items() if log not in newest or newest[log].size < head.size]
            if not lacking:
                return newest
            if not await work.keys.is_present(self._signer.signer.key):
                if not self._refused:
                    _log.warning("no checkpoint is signed: this process does not have the logs' present key")
                self._refused = True
                return newest
            self._refused = False
            # Another process may sign the same head at the same time; what it stored first is what counts.
            await work.checkpoints.add([self._signer.sign(head) for head in lacking], signed_at=self._clock.now())
            return await work.checkpoints.newest(logs)

    async def newest(self, log: UUID) -> SignedCheckpoint:
        """That of one log. Raises SigningPaused while it has none and none can be made."""
        checkpoint = (await self.sign([log])).get(log)
        if checkpoint is None:
            raise SigningPaused
        return checkpoint
