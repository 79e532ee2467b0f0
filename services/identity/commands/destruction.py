"""Having destroyed keys leave the vault's files: destroyed is what no file holds."""

import logging

from services.identity.domain.destruction import LATE
from services.identity.domain.ports import Destructions
from wardenry.clock import Clock

_log = logging.getLogger(__name__)


class RemoveRemains:
    """Rewrites the tables without the dead rows, then lets the WAL end that wrote them. May be done at any time."""

    def __init__(self, *, destructions: Destructions, clock: Clock) -> None:
        self._destructions = destructions
        self._clock = clock

    async def __call__(self) -> int:
        """Of how many destructions nothing is left in the files since. Raises DatabaseUnavailable.

        What some transaction may still see, or a file of WAL still holds, is tried again the next time.
        """
        remains = await self._destructions.remaining()
        if not remains:
            return 0
        # Destroyed, and committed, before the rewriting begins: what is destroyed meanwhile waits for the next one.
        waiting = [each.id for each in remains if not each.rewritten]
        if waiting and not await self._destructions.rewrite(waiting, at=self._clock.now()):
            _log.warning("the vault: a transaction may see destroyed keys, or has their tables open; it is tried again")
        gone = await self._destructions.end_wal(at=self._clock.now())
        _log.info(
            "the vault: of %d destructions of keys nothing is left in its files, %d remain", gone, len(remains) - gone
        )
        await self._tell_late()
        return gone

    async def _tell_late(self) -> None:
        remains = await self._destructions.remaining()
        age = max((self._clock.now() - each.destroyed_at for each in remains), default=LATE)
        if age > LATE:
            _log.error(
                "the vault: destroyed keys are still in its files after %d hours: an old transaction, wal_recycle = on,"
                " a slot, an archiver that is behind, or a right that vault_maintenance lacks keeps them",
                age.total_seconds() // 3600,
                extra={"alarm": "destroyed_keys_remain"},
            )
