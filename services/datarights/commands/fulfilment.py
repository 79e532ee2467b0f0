"""Working off requests, step by step. Each step may be done twice; what is done is written down before the next."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from libs.ids import Ids
from services.datarights.commands.sealing import ARCHIVE, SealedObjects, part_of
from services.datarights.domain import archive as archives
from services.datarights.domain import events
from services.datarights.domain.archive import Part
from services.datarights.domain.errors import (
    KeysUnavailable,
    LeaseLost,
    ObjectsUnavailable,
    ParticipantInvalid,
    ParticipantUnavailable,
    PersonErased,
    WarrantsUnavailable,
)
from services.datarights.domain.ports import Backlog, Participants, UnitsOfWork, Vault, Warrants
from services.datarights.domain.request import (
    ARCHIVE_LIFE,
    ASSEMBLE,
    DESTROY_ARCHIVES,
    DESTROY_KEYS,
    LEASE,
    PARTICIPANTS,
    Lease,
    Request,
    erase,
    gather,
    pause_after,
    steps_of,
)
from wardenry.archive import ArchiveInvalid
from wardenry.clock import Clock
from wardenry.log.note import NoteSigner
from wardenry.warrants import ACCESS, ERASURE

_log = logging.getLogger(__name__)
#: Archives that are removed in one go.
_MOST_REMOVED = 100
#: What another attempt may mend.
_FAILURES = (
    ParticipantUnavailable,
    ParticipantInvalid,
    ArchiveInvalid,
    WarrantsUnavailable,
    KeysUnavailable,
    ObjectsUnavailable,
    PersonErased,
)


class Fulfil:
    """Takes up the request that is longest due and does what is left of it. Any number of processes may."""

    def __init__(
        self,
        *,
        work: UnitsOfWork,
        backlog: Backlog,
        vault: Vault,
        warrants: Warrants,
        participants: Participants,
        sealed: SealedObjects,
        signer: NoteSigner,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._work = work
        self._backlog = backlog
        self._vault = vault
        self._warrants = warrants
        self._participants = participants
        self._sealed = sealed
        self._signer = signer
        self._clock = clock
        self._ids = ids

    async def all(self) -> None:
        """Works until nothing is due. A request that fails is due again later; the others go on."""
        while await self.one():
            pass

    async def one(self) -> bool:
        """Does what is left of one request; False when none is due."""
        now = self._clock.now()
        lease = await self._backlog.take(lease=self._ids.uuid7(), now=now, until=now + LEASE)
        if lease is None:
            return False
        try:
            async with self._kept(lease):
                await self._fulfil(lease)
        except LeaseLost:
            _log.info("another attempt has taken request %s over", lease.request)
        except _FAILURES as error:
            pause = pause_after(lease.attempt)
            _log.warning(
                "request %s is tried again in %d s: %s: %s",
                lease.request,
                pause.total_seconds(),
                type(error).__name__,
                error,
            )
            await self._backlog.postpone(lease, until=self._clock.now() + pause)
        return True

    async def remove_archives(self) -> None:
        """Removes archives that were fetched or have expired. Raises ObjectsUnavailable."""
        for subject, request in await self._backlog.archives_over(now=self._clock.now(), limit=_MOST_REMOVED):
            await self._sealed.remove(subject, request, ARCHIVE)
            await self._backlog.archive_removed(subject, request, at=self._clock.now())

    async def _fulfil(self, lease: Lease) -> None:
        async with self._work.begin(lease.subject) as work:
            request = await work.requests.find(lease.request)
            done = await work.requests.steps(lease.request)
        if request is None:
            raise LeaseLost
        for step in steps_of(request.right):
            if step in done:
                continue
            await self._do(request, step)
            now = self._clock.now()
            async with self._work.begin(lease.subject) as work:
                await work.requests.step(lease, step, at=now, until=now + LEASE)
        await self._complete(lease, request)

    async def _do(self, request: Request, step: str) -> None:
        if step == ASSEMBLE:
            await self._assemble(request)
        elif step == DESTROY_ARCHIVES:
            await self._destroy_archives(request)
        elif step == DESTROY_KEYS:
            warrant = await self._warrants.warrant(subject=request.subject, request=request.id)
            await self._vault.destroy(request.subject, warrant=warrant)
        else:
            warrant = await self._warrants.warrant(subject=request.subject, request=request.id)
            (participant,) = (each for each in PARTICIPANTS if step in (gather(each), erase(each)))
            if request.right == ACCESS:
                await self._gather(request, participant, warrant)
            else:
                erased = await self._participants.erase(participant, subject=request.subject, warrant=warrant)
                _log.info("%s erased %d rows for request %s", participant, erased.rows, request.id)

    async def _gather(self, request: Request, participant: str, warrant: str) -> None:
        part = Part(
            participant,
            tuple(await self._participants.categories(participant)),
            tuple(
                [row async for row in self._participants.rows(participant, subject=request.subject, warrant=warrant)]
            ),
        )
        part.check()
        await self._sealed.put(request, part_of(participant), part.to_bytes())

    async def _assemble(self, request: Request) -> None:
        contents = [await self._sealed.get(request, part_of(participant)) for participant in PARTICIPANTS]
        parts = [Part.from_bytes(content) for content in contents if content is not None]
        if len(parts) < len(PARTICIPANTS):
            # They go only once this step is written down, so somebody else removed them.
            raise ObjectsUnavailable("what was gathered is not there any more")
        whose = archives.Subject(subject=request.subject, request=request.id, created_at=self._clock.now())
        packed = await asyncio.to_thread(archives.archive, whose, parts, sign=self._signer.sign)
        await self._sealed.put(request, ARCHIVE, packed)

    async def _destroy_archives(self, request: Request) -> None:
        before = None
        while True:
            async with self._work.begin(request.subject) as work:
                found = await work.requests.page(before=before, limit=_MOST_REMOVED)
            if not found:
                return
            for each in found:
                for name in (ARCHIVE, *map(part_of, PARTICIPANTS)):
                    await self._sealed.remove(request.subject, each.id, name)
            before = found[-1].id

    async def _complete(self, lease: Lease, request: Request) -> None:
        if request.right == ACCESS:
            for participant in PARTICIPANTS:
                await self._sealed.remove(request.subject, request.id, part_of(participant))
        now = self._clock.now()
        expires_at = now + ARCHIVE_LIFE if request.right == ACCESS else None
        async with self._work.begin(lease.subject) as work:
            await work.requests.complete(lease, at=now, archive_expires_at=expires_at)
            await work.emit(events.completed(request, event_id=self._ids.uuid7(), at=now))
            if request.right == ERASURE:
                await work.requests.close_others(lease, at=now)
                await work.emit(events.erased(request, event_id=self._ids.uuid7(), at=now))

    @asynccontextmanager
    async def _kept(self, lease: Lease) -> AsyncIterator[None]:
        """Says again and again that the attempt lives, while it does."""
        task = asyncio.create_task(self._keep(lease))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            until: datetime = self._clock.now() + LEASE
            # A database that is away costs the lease at worst, and then another attempt begins where this one is.
            with contextlib.suppress(Exception):
                await self._backlog.extend(lease, until=until)
