"""Making requests, looking at them, and fetching what they gave."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.events.caller import Caller
from libs.events.event import Event
from libs.ids import Ids
from services.datarights.commands.gathering import ReadArchive
from services.datarights.domain import events
from services.datarights.domain.errors import (
    ErasureObstructed,
    KeysUnavailable,
    ObjectsUnavailable,
    PersonErased,
    RequestExists,
    RequestRunning,
    RequestUnknown,
    WarrantsUnavailable,
)
from services.datarights.domain.ports import Participants, UnitsOfWork, Vault, Warrants
from services.datarights.domain.request import DUE, PARTICIPANTS, Request, checked_id
from wardenry.clock import Clock
from wardenry.warrants import ERASURE


@dataclass(frozen=True, slots=True)
class Page:
    """Requests, and whether there are more."""

    requests: Sequence[Request]
    more: bool


class CreateRequest:
    """A person, freshly authenticated, asks for their data or to be erased."""

    def __init__(
        self,
        *,
        work: UnitsOfWork,
        vault: Vault,
        warrants: Warrants,
        participants: Participants,
        clock: Clock,
        ids: Ids,
        waits: Callable[[], None],
    ) -> None:
        """`waits` wakes the worker, which would find the request by itself, only later."""
        self._work = work
        self._vault = vault
        self._warrants = warrants
        self._participants = participants
        self._clock = clock
        self._ids = ids
        self._waits = waits

    async def __call__(self, caller: Caller, *, bearer: str, request_id: UUID, right: str) -> Request:
        """The request; the same one when it is made again. Session is asked in the person's name: by `bearer`, their
        access token as it was presented.

        Raises IdInvalid, RequestExists, RequestRunning, ErasureObstructed, SignInAgain, PersonErased,
        WarrantsUnavailable, ParticipantUnavailable, KeysUnavailable.
        """
        checked_id(request_id)
        async with self._work.begin(caller.subject) as work:
            made = await work.requests.find(request_id)
        if made is not None:
            return _same(made, right)
        await self._warrants.authorize(bearer, request=request_id, right=right)
        try:
            return await self._make(caller, request_id, right)
        except (ErasureObstructed, RequestRunning):
            # What was not made needs no leave. One that is not taken back ends by itself.
            with contextlib.suppress(WarrantsUnavailable):
                await self._warrants.forget(subject=caller.subject, request=request_id)
            raise

    async def _make(self, caller: Caller, request_id: UUID, right: str) -> Request:
        if right == ERASURE:
            await self._check_obstacles(caller.subject, request_id)
        now = self._clock.now()
        request = Request(
            subject=caller.subject,
            id=request_id,
            right=right,
            created_at=now,
            due_at=now + DUE,
            key=await self._vault.reference(caller.subject),
        )
        by = await circumstances(self._vault, caller, event_id=self._ids.uuid7(), at=now)
        event = events.requested(request, by=by)
        async with self._work.begin(caller.subject) as work:
            if await work.requests.add(request):
                await work.emit(event)
            else:
                # The same call, made twice at once, or another request of this kind.
                made = await work.requests.find(request_id)
                if made is None:
                    raise RequestRunning
                return _same(made, right)
        self._waits()
        return request

    async def _check_obstacles(self, subject: UUID, request: UUID) -> None:
        warrant = await self._warrants.warrant(subject=subject, request=request)
        found = [
            obstacle
            for participant in PARTICIPANTS
            for obstacle in await self._participants.obstacles(participant, subject=subject, warrant=warrant)
        ]
        if found:
            raise ErasureObstructed(found)


class ReadRequests:
    """A person looks at their requests."""

    def __init__(self, *, work: UnitsOfWork) -> None:
        self._work = work

    async def get(self, subject: UUID, request: UUID) -> Request:
        """Raises RequestUnknown, also for somebody else's."""
        async with self._work.begin(subject) as work:
            found = await work.requests.find(request)
        if found is None:
            raise RequestUnknown
        return found

    async def page(self, subject: UUID, *, before: UUID | None, limit: int) -> Page:
        """The newest (greatest id) first, those below `before`."""
        async with self._work.begin(subject) as work:
            found = await work.requests.page(before=before, limit=limit + 1)
        return Page(found[:limit], len(found) > limit)


class FetchArchive:
    """Hands an archive to its person, once."""

    def __init__(self, *, work: UnitsOfWork, vault: Vault, read: ReadArchive, clock: Clock, ids: Ids) -> None:
        self._work = work
        self._vault = vault
        self._read = read
        self._clock = clock
        self._ids = ids

    async def __call__(self, caller: Caller, request_id: UUID) -> AsyncGenerator[bytes, None]:
        """The archive, piece by piece, and an entry in the log that it was handed over.

        Raises RequestUnknown when there is none to fetch; KeysUnavailable, ObjectsUnavailable, and then it can be
        fetched again.
        """
        async with self._work.begin(caller.subject) as work:
            request = await work.requests.find(request_id)
        if request is None or request.archive_until(self._clock.now()) is None:
            raise RequestUnknown
        async with aclosing(self._read(request)) as pieces:
            # It is begun to be read before the one fetch is spent: a store that is away costs nobody the archive.
            try:
                first = await anext(pieces, None)
                event = await self._event(caller, request)
            except PersonErased:
                first = None
            if first is None:
                raise RequestUnknown
            spent_at = self._clock.now()
            async with self._work.begin(caller.subject) as work:
                if not await work.requests.spend_archive(request_id, at=spent_at):
                    raise RequestUnknown
                await work.emit(event)
            yield first
            try:
                async for piece in pieces:
                    yield piece
            except (KeysUnavailable, ObjectsUnavailable):
                async with self._work.begin(caller.subject) as work:
                    await work.requests.give_archive_back(request_id, spent_at=spent_at)
                raise

    async def _event(self, caller: Caller, request: Request) -> Event:
        now = self._clock.now()
        return events.fetched(request, by=await circumstances(self._vault, caller, event_id=self._ids.uuid7(), at=now))


async def circumstances(vault: Vault, caller: Caller, *, event_id: UUID, at: datetime) -> events.Circumstances:
    """Who asks from where, ready to be written down. Raises PersonErased, KeysUnavailable."""
    tag_key = await vault.tag_key(at.date())
    return events.Circumstances(
        event_id=event_id,
        occurred_at=at,
        caller=caller,
        audit_key=await vault.audit_key(caller.subject),
        tags=caller.client.tags(tag_key),
    )


def _same(made: Request, right: str) -> Request:
    if made.right != right:
        raise RequestExists
    return made
