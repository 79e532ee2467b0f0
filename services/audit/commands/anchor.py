"""Heads into the platform log, and the proof that one is there."""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from libs.ids import PLATFORM, Entropy, Ids
from services.audit.commands.checkpoint import SignCheckpoints
from services.audit.commands.log import ProveLog
from services.audit.domain.anchor import NONCE, AnchorProof, HeadAnchor, head_anchored
from services.audit.domain.errors import AnchorNotFound
from services.audit.domain.log import LARGEST_SIZE, SignedCheckpoint
from services.audit.domain.ports import UnitsOfWork
from wardenry.clock import Clock
from wardenry.log.anchor import log_head
from wardenry.log.checkpoint import Checkpoint, CheckpointInvalid, open_checkpoint
from wardenry.log.note import NoteInvalid, VerifierKey

_log = logging.getLogger(__name__)

#: How many anchors of a log are looked for in the platform log: while the way there is longer, the log has no proof.
_TRIED = 60


class AnchorHeads:
    """Sends the newest checkpoints of logs to the platform log, blinded, each once."""

    def __init__(
        self,
        *,
        units: UnitsOfWork,
        checkpoints: SignCheckpoints,
        entropy: Entropy,
        ids: Ids,
        clock: Clock,
    ) -> None:
        self._units = units
        self._checkpoints = checkpoints
        self._entropy = entropy
        self._ids = ids
        self._clock = clock

    async def anchor(self, logs: Sequence[UUID]) -> int:
        """Sends each log's newest checkpoint unless it was sent before; answers how many were sent."""
        newest = await self._checkpoints.sign(logs)
        async with self._units.begin([]) as work:
            keys = [each.key for each in await work.keys.all()]
        signed = self._opened(newest, keys)
        now = self._clock.now()
        sent = 0
        async with self._units.begin(logs) as work:
            await work.trees.lock(logs)
            due = await work.anchors.claim({log: checkpoint.size for log, checkpoint in signed.items()})
            blinded = []
            for log in due:
                nonce = self._entropy.bytes(NONCE)
                blinded.append((log_head(nonce, signed[log]), nonce, log))
            # In the order of the hashes, which tells nothing: that of the logs would tell which entries are whose.
            for head, nonce, log in sorted(blinded):
                event_id = self._ids.uuid7()
                anchor = HeadAnchor(log=log, size=signed[log].size, event_id=event_id, nonce=nonce)
                if await work.anchors.add(anchor, anchored_at=now):
                    await work.emit(head_anchored(event_id=event_id, head=head, occurred_at=now))
                    sent += 1
        return sent

    def _opened(self, signed: Mapping[UUID, SignedCheckpoint], keys: Sequence[VerifierKey]) -> dict[UUID, Checkpoint]:
        """What the checkpoints say. One that cannot be opened must not keep the other logs' from the platform log."""
        opened = {}
        for log, checkpoint in signed.items():
            try:
                opened[log] = open_checkpoint(checkpoint.note, keys)
            except (NoteInvalid, CheckpointInvalid) as error:
                _log.error(
                    "the newest checkpoint of log %s is not sent to the platform log: %s",
                    log,
                    error,
                    extra={"alarm": "checkpoint_unreadable"},
                )
        return opened


class ProveAnchor:
    """Shows that a checkpoint of a log is in the platform log."""

    def __init__(self, *, units: UnitsOfWork, proving: ProveLog) -> None:
        self._units = units
        self._proving = proving

    async def prove(self, log: UUID, *, size: int) -> AnchorProof:
        """Of the largest checkpoint of at most `size` entries (0: any) that is there.

        Raises AnchorNotFound.
        """
        async with self._units.begin([log]) as work:
            anchors = await work.anchors.newest(log, at_most=min(size, LARGEST_SIZE), limit=_TRIED)
        return await self._first(log, anchors)

    async def covering(self, log: UUID, *, size: int) -> tuple[AnchorProof, Sequence[bytes]]:
        """Of the smallest checkpoint of at least `size` entries, not 0, that is there; and the consistency proof from
        the checkpoint of `size` to it.

        Raises AnchorNotFound; CheckpointNotFound when none of `size` was signed.
        """
        checkpoint = await self._proving.checkpoint_of_size(log, size)
        async with self._units.begin([log]) as work:
            anchors = await work.anchors.covering(log, size=checkpoint.size, limit=_TRIED)
        proof = await self._first(log, anchors)
        continued = await self._proving.consistency(log, size, second_size=proof.checkpoint.size)
        return proof, continued.hashes

    async def _first(self, log: UUID, anchors: Sequence[HeadAnchor]) -> AnchorProof:
        """Of the first of these that is there. Raises AnchorNotFound."""
        platform = await self._proving.checkpoint(PLATFORM)
        async with self._units.begin([PLATFORM]) as work:
            places = await work.entries.places(PLATFORM, [anchor.event_id for anchor in anchors])
        for anchor in anchors:
            index, leaf = places.get(anchor.event_id, (platform.size, b""))
            if index < platform.size:
                return AnchorProof(
                    nonce=anchor.nonce,
                    checkpoint=await self._proving.checkpoint_of_size(log, anchor.size),
                    leaf=leaf,
                    inclusion=await self._proving.inclusion(PLATFORM, index, size=platform.size),
                )
        raise AnchorNotFound
