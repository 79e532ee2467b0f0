"""Ending sessions: by their owner, and by identity when a credential changes."""

from collections.abc import Collection, Sequence
from uuid import UUID

from libs.events.event import Target
from libs.ids import Ids
from services.session.commands.caller import TokenCaller
from services.session.domain import events
from services.session.domain.errors import SessionEnded, SessionNotFound
from services.session.domain.ports import TagKeys, UnitOfWork, UnitsOfWork
from services.session.domain.session import EndReason
from wardenry.clock import Clock


class EndSessions:
    """What owners do: sign out, end one session, end many. Once acknowledged, no refresh of theirs succeeds, and no
    validator accepts a token of theirs."""

    def __init__(self, *, work: UnitsOfWork, tags: TagKeys, clock: Clock, ids: Ids) -> None:
        self._work = work
        self._tags = tags
        self._clock = clock
        self._ids = ids

    async def sign_out(self, caller: TokenCaller) -> None:
        """Ends the caller's own session. One that has ended already is signed out of; one that has moved to another
        epoch since the token was verified has not."""
        try:
            await self._end(
                caller, {caller.session}, but=None, action=events.USER_LOGOUT, reason="logout", whatever_epoch=True
            )
        except SessionEnded:
            return

    async def revoke(self, caller: TokenCaller, session: UUID) -> None:
        """Ends a session of the caller's. Raises SessionNotFound, also for somebody else's; SessionEnded."""
        if not await self._end(caller, {session}, but=None, action=events.SESSION_REVOKED, reason="revoked"):
            raise SessionNotFound

    async def revoke_all(self, caller: TokenCaller, *, keep_current: bool) -> int:
        """Ends all sessions of the caller's, or all but the one that asks; answers how many. Raises SessionEnded."""
        but = caller.session if keep_current else None
        return len(await self._end(caller, None, but=but, action=events.SESSION_REVOKED, reason="revoked"))

    async def _end(
        self,
        caller: TokenCaller,
        sessions: Collection[UUID] | None,
        *,
        but: UUID | None,
        action: str,
        reason: EndReason,
        whatever_epoch: bool = False,
    ) -> Sequence[UUID]:
        now = self._clock.now()
        tag_key = await self._tags.key(events.log_of(caller.token.workspace), now.date())
        async with self._work.begin(caller.subject) as work:
            holder = await work.sessions.holder(caller.session, caller.token.workspace)
            if holder is None or (holder.subject_epoch > caller.token.subject_epoch and not whatever_epoch):
                ended = None
            else:
                ended = await work.sessions.end(sessions, but=but, reason=reason)
                await work.revocations.revoke_sessions(ended)
                for session in ended:
                    await work.emit(
                        caller.event(
                            action,
                            target=Target(kind="session", id=session),
                            holder=holder,
                            event_id=self._ids.uuid7(),
                            occurred_at=now,
                            tag_key=tag_key,
                            reason="" if action == events.USER_LOGOUT else reason,
                        )
                    )
        # Also when nothing was left to end: whoever did may have been killed before the validators knew.
        await work.revocations.settled()
        if ended is None:
            raise SessionEnded
        return ended


class EndSubject:
    """Ends a subject's sessions below an epoch, but for one that moves up to it."""

    def __init__(self, *, work: UnitsOfWork, clock: Clock, ids: Ids, service: str = "identity") -> None:
        """`service` is the one that raises epochs."""
        self._work = work
        self._clock = clock
        self._ids = ids
        self._service = service

    async def __call__(self, subject: UUID, *, epoch: int, keep: UUID | None) -> int:
        """Answers how many this call ended: none for an epoch that is known already."""
        async with self._work.begin(subject) as work:
            ended = await self.within(work, epoch=epoch, keep=keep)
        await work.revocations.settled()
        return ended

    async def within(self, work: UnitOfWork, *, epoch: int, keep: UUID | None) -> int:
        """The same in a unit of work over the subject's rows that is open already."""
        if not await work.subjects.raise_to(epoch):
            return 0
        ended = await work.sessions.end_below(epoch, keep=keep, reason="credential")
        await work.revocations.revoke_below(epoch)
        for session in ended:
            await work.emit(
                events.revoked_by_service(
                    event_id=self._ids.uuid7(),
                    occurred_at=self._clock.now(),
                    session=session,
                    service=self._service,
                    reason="credential",
                )
            )
        return len(ended)
