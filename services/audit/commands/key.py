"""The present key of the logs, the end of the one before it, and what everybody is told of both."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from libs.ids import PLATFORM, Ids
from services.audit.domain.errors import KeyRefused
from services.audit.domain.key import CheckpointKey, key_retired
from services.audit.domain.ports import UnitOfWork, UnitsOfWork
from wardenry.clock import Clock
from wardenry.log.checkpoint import CheckpointInvalid, open_checkpoint
from wardenry.log.keys import LogKeys, RetiredKey
from wardenry.log.note import NoteInvalid, VerifierKey

_log = logging.getLogger(__name__)


class RenewKey:
    """Makes the key that the service was given the present one, if it may be."""

    def __init__(
        self,
        *,
        units: UnitsOfWork,
        key: VerifierKey,
        retiring: VerifierKey | None,
        anchor: Callable[[], Awaitable[int]],
        ids: Ids,
        clock: Clock,
    ) -> None:
        """`retiring` is the key that the operator says is to end; `anchor` sends every head that was signed and not
        sent yet to the platform log."""
        self._units = units
        self._key = key
        self._retiring = retiring
        self._anchor = anchor
        self._ids = ids
        self._clock = clock

    async def settle(self) -> None:
        """Returns when the key is the present one; it signs nothing before. Can be called again after a failure.

        Raises KeyRefused.
        """
        while (before := await self._ended()) is not None:
            # Nothing is signed meanwhile. What was, is in the platform log before the entry that ends its key.
            await self._anchor()
            await self._follow(before)

    async def _follow(self, before: VerifierKey) -> None:
        """Retires the key and begins ours, unless another process has come first."""
        async with self._units.begin([PLATFORM]) as work:
            await work.keys.lock()
            known = await work.keys.all()
            if known[-1].key != before:
                return
            event = key_retired(
                event_id=self._ids.uuid7(), retired=before, successor=self._key, occurred_at=self._clock.now()
            )
            await work.keys.retire(before, event_id=event.event_id)
            await work.keys.begin(self._key, at=self._clock.now())
            await work.emit(event)
        _log.warning("the logs have a new key, %s; retired is %s", self._key, before)

    async def _ended(self) -> VerifierKey | None:
        """The key that signs nothing from here on, to be retired; None when ours is the present one."""
        async with self._units.begin([PLATFORM]) as work:
            await work.keys.lock()
            known = await work.keys.all() or await self._first(work)
            last = known[-1]
            if last.key == self._key:
                if last.ended_at is not None:
                    raise KeyRefused("the retirement of this key has begun, and goes on with the key after it")
                return None
            if self._key in [each.key for each in known]:
                raise KeyRefused("this key was retired: what it signs from here on is believed by nobody")
            if last.key.name != self._key.name:
                raise KeyRefused(
                    f"the logs are of {last.key.name}, for ever, and not of {self._key.name}: put"
                    " WARDENRY_AUDIT_LOG_ORIGIN back"
                )
            if self._retiring != last.key:
                raise KeyRefused(
                    f"the logs' present key is another, {last.key}; set"
                    " WARDENRY_AUDIT_RETIRED_CHECKPOINT_KEY to that one if it is to be retired"
                )
            await work.keys.end(last.key, at=self._clock.now())
            return last.key

    async def _first(self, work: UnitOfWork) -> Sequence[CheckpointKey]:
        """The key that has signed so far, where no key is noted yet; ours where nothing was signed."""
        newest = (await work.checkpoints.newest([PLATFORM])).get(PLATFORM)
        key = self._key
        if newest is not None and not _signed(newest.note, key):
            if self._retiring is None or not _signed(newest.note, self._retiring):
                raise KeyRefused(
                    "another key has signed the logs so far; set WARDENRY_AUDIT_RETIRED_CHECKPOINT_KEY to it if it is"
                    " to be retired"
                )
            key = self._retiring
        await work.keys.begin(key, at=self._clock.now())
        return await work.keys.all()


class PublishKeys:
    """What everybody is told of the keys."""

    def __init__(self, *, units: UnitsOfWork, key: VerifierKey) -> None:
        self._units = units
        self._key = key

    async def published(self) -> LogKeys:
        """A key is retired once the platform log says so under the key after it."""
        async with self._units.begin([PLATFORM]) as work:
            known = await work.keys.all()
            newest = (await work.checkpoints.newest([PLATFORM])).get(PLATFORM)
            ends = {each.key: each.event_id for each in known if each.event_id is not None}
            places = await work.entries.places(PLATFORM, list(ends.values()))
        covered = newest.size if newest else 0
        present, retired = [], []
        for each in reversed(known):
            place, _ = places.get(ends[each.key], (covered, b"")) if each.key in ends else (covered, b"")
            if place < covered:
                retired.append(RetiredKey(each.key, place))
            else:
                present.append(each.key)
        return LogKeys(present=present or [self._key], retired=retired)


def _signed(note: str, key: VerifierKey) -> bool:
    try:
        open_checkpoint(note, [key])
    except (NoteInvalid, CheckpointInvalid):
        return False
    return True
