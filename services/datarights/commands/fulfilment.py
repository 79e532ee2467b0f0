"""Working off requests, step by step. Each step may be done twice; what is done is written down before the next."""

import asyncio
import contextlib
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from libs.ids import Ids
from services.datarights.commands.gathering import AssembleArchive, GatherPart
from services.datarights.commands.sealing import SealedObjects
from services.datarights.domain import events
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
    LEASE,
    Deed,
    Lease,
    Request,
    Step,
    pause_after,
    steps_of,
)
from wardenry.clock import Clock
from wardenry.warrants import ACCESS

_log = logging.getLogger(__name__)
#: What says why it failed and nothing of anybody's.
_TOLD = (
    ParticipantUnavailable,
    ParticipantInvalid,
    WarrantsUnavailable,
    KeysUnavailable,
    ObjectsUnavailable,
    PersonErased,
)
#: Requests that are read in one go.
_PAGE = 100


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
        gather: GatherPart,
        assemble: AssembleArchive,
        sealed: SealedObjects,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._work = work
        self._backlog = backlog
        self._vault = vault
        self._warrants = warrants
        self._participants = participants
        self._gather = gather
        self._assemble = assemble
        self._sealed = sealed
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
        except Exception as error:
            await self._postpone(lease, error)
        return True

    async def _postpone(self, lease: Lease, error: Exception) -> None:
        """Whatever it was: what cannot be done now is tried again later, and keeps nobody else waiting."""
        pause = pause_after(lease.attempt)
        what = f"{type(error).__name__}: {error}"
        if not isinstance(error, _TOLD):
            # Where, and not what it says: that may be somebody's data.
            where = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__} at {where.filename.rpartition('/')[2]}:{where.lineno}"
        _log.warning("request %s is tried again in %d s: %s", lease.request, pause.total_seconds(), what)
        now = self._clock.now()
        if now > lease.due_at:
            _log.error(
                "request %s should have been done by %s: %s",
                lease.request,
                lease.due_at.isoformat(),
                what,
                extra={"alarm": "request_overdue"},
            )
        await self._backlog.postpone(lease, until=now + pause)

    async def _fulfil(self, lease: Lease) -> None:
        async with self._work.begin(lease.subject) as work:
            request = await work.requests.find(lease.request)
            done = await work.requests.steps(lease.request)
        if request is None:
            return
        try:
            for step in steps_of(request.right):
                if step.name in done:
                    continue
                await self._do(lease, request, step)
                now = self._clock.now()
                async with self._work.begin(lease.subject) as work:
                    await work.requests.step(lease, step.name, at=now, until=now + LEASE)
            if request.right == ACCESS:
                await self._complete_access(lease, request)
            else:
                await self._complete_erasure(lease, request)
        except LeaseLost:
            await self._leave(request)
        except PersonErased:
            if request.right != ACCESS:
                raise
            # There is nothing to show, and nobody to show it to.
            await self._end(lease, request)

    async def _do(self, lease: Lease, request: Request, step: Step) -> None:
        match step.deed:
            case Deed.GATHER:
                await self._gather(lease, request, step.participant)
            case Deed.ASSEMBLE:
                await self._assemble(lease, request)
            case Deed.ERASE:
                warrant = await self._warrants.warrant(subject=request.subject, request=request.id)
                erased = await self._participants.erase(step.participant, subject=request.subject, warrant=warrant)
                _log.info("%s erased %d rows for request %s", step.participant, erased.rows, request.id)
            case Deed.DESTROY_ARCHIVES:
                await self._sealed.remove_subject(request.subject)
            case Deed.DESTROY_KEYS:
                warrant = await self._warrants.warrant(subject=request.subject, request=request.id)
                await self._vault.destroy(request.subject, warrant=warrant)

    async def _complete_access(self, lease: Lease, request: Request) -> None:
        await self._sealed.remove_gathered(request)
        await self._warrants.forget(subject=request.subject, request=request.id)
        now = self._clock.now()
        async with self._work.begin(lease.subject) as work:
            await work.requests.complete(lease, at=now, archive_expires_at=now + ARCHIVE_LIFE)
            await work.emit(events.completed(request, event_id=self._ids.uuid7(), at=now))
            # However often somebody asks, one archive of theirs is stored.
            await work.requests.end_other_archives(lease, at=now)

    async def _complete_erasure(self, lease: Lease, request: Request) -> None:
        for over in await self._unfinished(request.subject):
            await self._warrants.forget(subject=request.subject, request=over)
        now = self._clock.now()
        async with self._work.begin(lease.subject) as work:
            await work.requests.complete(lease, at=now, archive_expires_at=None)
            await work.emit(events.completed(request, event_id=self._ids.uuid7(), at=now))
            await work.requests.close_others(lease, at=now)
            await work.emit(events.erased(request, event_id=self._ids.uuid7(), at=now))

    async def _unfinished(self, subject: UUID) -> list[UUID]:
        """Requests that an erasure, itself among them, ends with."""
        found: list[UUID] = []
        before = None
        while True:
            async with self._work.begin(subject) as work:
                page = await work.requests.page(before=before, limit=_PAGE)
            found += [each.id for each in page if each.completed_at is None]
            if len(page) < _PAGE:
                return found
            before = page[-1].id

    async def _leave(self, request: Request) -> None:
        """Somebody else has gone on with it, or ended it: what this attempt stored meanwhile must not stay."""
        _log.info("another attempt has taken request %s over, or an erasure has ended it", request.id)
        async with self._work.begin(request.subject) as work:
            found = await work.requests.find(request.id)
        if found is None or found.completed_at is None:
            return
        if found.archive_expires_at is None:
            await self._sealed.remove_request(request.subject, request.id)
        else:
            await self._sealed.remove_gathered(request)

    async def _end(self, lease: Lease, request: Request) -> None:
        await self._sealed.remove_request(request.subject, request.id)
        await self._warrants.forget(subject=request.subject, request=request.id)
        async with self._work.begin(lease.subject) as work:
            await work.requests.complete(lease, at=self._clock.now(), archive_expires_at=None)

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
