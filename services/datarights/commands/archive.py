"""Archives that are over: they were fetched, or nobody came for them."""

from services.datarights.commands.sealing import SealedObjects
from services.datarights.domain.errors import ObjectsUnavailable
from services.datarights.domain.ports import Backlog
from services.datarights.domain.request import FETCHING
from wardenry.clock import Clock

#: Archives that are listed in one go.
_PAGE = 100


class RemoveArchives:
    """Removes them from the object store. Any number of processes may."""

    def __init__(self, *, backlog: Backlog, sealed: SealedObjects, clock: Clock) -> None:
        self._backlog = backlog
        self._sealed = sealed
        self._clock = clock

    async def __call__(self) -> None:
        """Raises ObjectsUnavailable, after it has tried all."""
        now = self._clock.now()
        failed: ObjectsUnavailable | None = None
        last = None
        while True:
            found = await self._backlog.archives_over(
                fetched_before=now - FETCHING, expired_before=now, after=last, limit=_PAGE
            )
            for subject, request in found:
                try:
                    await self._sealed.remove_request(subject, request)
                except ObjectsUnavailable as error:
                    failed = error
                    continue
                await self._backlog.archive_removed(subject, request, at=self._clock.now())
            if len(found) < _PAGE:
                break
            last = found[-1]
        if failed is not None:
            raise failed
