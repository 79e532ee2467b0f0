"""Refreshing: one use case, carried out for many calls at a time.

Each batch reads its grants in one round trip, decides, and writes in one more what still is as it was read. Of the
calls for one grant a batch serves one; the others, and those whose grant has changed meanwhile, come again in the next
and then find what the winner has made of it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from libs.batch import Batch, BatchFull
from libs.crypto.errors import KeyInvalid
from libs.events.caller import Caller
from libs.events.client import Client
from libs.events.envelope import EnvelopeBuilder, EventInvalid
from libs.events.event import Event, Outcome, Target
from libs.ids import Ids
from libs.telemetry.trace_context import current_traceparent
from services.session.commands.standing import Standings
from services.session.commands.token import TokenIssuer, Tokens
from services.session.domain import events
from services.session.domain.errors import RefreshBusy, RefreshInvalid, RefreshLimited, RefreshReused
from services.session.domain.grant import Grant, Pace, Use
from services.session.domain.membership import Standing
from services.session.domain.ports import RefreshStore, Rotation, TagKeys, UnitsOfWork
from services.session.domain.refresh_token import RefreshKeys, RefreshToken, parse

#: A call comes again at most so often: one rotation, the repeats of the grace, and some that other replicas won.
_ATTEMPTS = 8
_ACTIONS = {Use.ROTATE: events.SESSION_REFRESHED, Use.REPEAT: events.SESSION_RETRIED}


class _Again(Enum):
    """Another call was served first."""

    AGAIN = "again"


_AGAIN = _Again.AGAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshCall:
    """One presented refresh token."""

    token: RefreshToken
    device_binding: bytes = field(repr=False)
    client: Client
    traceparent: str | None

    @property
    def key(self) -> tuple[UUID, UUID]:
        return (self.token.subject, self.token.grant)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """The call that a batch serves for a grant."""

    position: int
    call: RefreshCall
    grant: Grant
    use: Use


class Refresh:
    """Exchanges a refresh token for its successor and a new access token."""

    def __init__(
        self,
        *,
        store: RefreshStore,
        work: UnitsOfWork,
        envelopes: EnvelopeBuilder,
        standings: Standings,
        keys: RefreshKeys,
        issuer: TokenIssuer,
        tags: TagKeys,
        ids: Ids,
        pace: Pace,
        batch_size: int = 64,
        tick: float = 0.002,
        ticks: int = 8,
    ) -> None:
        """`batch_size` calls at most are carried out together; the first waits `tick` seconds for others, and up to
        `ticks` times as long while they keep coming."""
        self._store = store
        self._work = work
        self._envelopes = envelopes
        self._standings = standings
        self._keys = keys
        self._issuer = issuer
        self._tags = tags
        self._ids = ids
        self._pace = pace
        self._batch: Batch[RefreshCall, Tokens | _Again] = Batch(
            work=self._carry_out, size=batch_size, tick=tick, ticks=ticks
        )

    async def __call__(self, refresh_token: str, *, device_binding: bytes, client: Client) -> Tokens:
        """Raises RefreshInvalid, RefreshReused, RefreshBusy, RefreshLimited, DependencyUnavailable.

        Nothing was consumed then.
        """
        call = RefreshCall(
            token=parse(refresh_token),
            device_binding=device_binding,
            client=client,
            traceparent=current_traceparent(),
        )
        for _ in range(_ATTEMPTS):
            try:
                answer = await self._batch.submit(call)
            except BatchFull:
                break
            if answer is not _AGAIN:
                return answer
        raise RefreshBusy

    async def _carry_out(self, calls: Sequence[RefreshCall]) -> Sequence[Tokens | _Again | Exception]:
        answers: list[Tokens | _Again | Exception] = [_AGAIN] * len(calls)
        found = await self._store.find(list({call.key for call in calls}))
        served: dict[tuple[UUID, UUID], _Served] = {}
        reused: dict[tuple[UUID, UUID], tuple[Grant, RefreshCall]] = {}
        for position, call in enumerate(calls):
            grant = found.get(call.key)
            try:
                use = self._judge(grant, call)
            except (RefreshInvalid, RefreshReused, RefreshBusy, RefreshLimited) as error:
                answers[position] = error
                if isinstance(error, RefreshReused) and grant is not None:
                    reused[call.key] = (grant, call)
            else:
                if grant is not None:
                    served.setdefault(call.key, _Served(position=position, call=call, grant=grant, use=use))
        # The rare ends have transactions of their own, here: the caller may be gone before they are done.
        await asyncio.gather(*(self._end_session(grant, call) for grant, call in reused.values()))
        for key in reused:
            served.pop(key, None)
        await self._rotate(list(served.values()), answers)
        return answers

    def _judge(self, grant: Grant | None, call: RefreshCall) -> Use:
        if grant is None:
            raise RefreshInvalid
        self._keys.verify(call.token, seed=grant.seed)
        return grant.use(call.token.counter, device_binding=call.device_binding, pace=self._pace)

    async def _rotate(self, served: Sequence[_Served], answers: list[Tokens | _Again | Exception]) -> None:
        standings = await self._standings.now([each.grant for each in served])
        going: list[tuple[_Served, Rotation]] = []
        for each, standing in zip(served, standings, strict=True):
            if isinstance(standing, Exception):
                answers[each.position] = standing
            elif standing is None and each.grant.workspace is not None:
                await self._end_grant(each.grant, each.call)
                answers[each.position] = RefreshInvalid()
            else:
                try:
                    going.append((each, await self._rotation(each, standing)))
                except (EventInvalid, KeyInvalid) as error:
                    # A defect in one grant's row is not the others'.
                    answers[each.position] = error
        if not going:
            return
        applied = await self._store.rotate(
            [rotation for _, rotation in going], key_version=self._issuer.key_version, pace=self._pace.interval
        )
        for entry, subject_epoch in applied.items():
            each, rotation = going[entry]
            after = each.grant.after(each.use, key_version=self._issuer.key_version, standing=rotation.standing)
            answers[each.position] = self._issuer.issue(after, subject_epoch=subject_epoch)

    async def _rotation(self, served: _Served, standing: Standing | None) -> Rotation:
        event = await self._event(served.grant, served.call, _ACTIONS[served.use])
        return Rotation(
            grant=served.grant,
            use=served.use,
            standing=standing,
            event=event,
            envelope=self._envelopes.build(event),
            traceparent=served.call.traceparent,
        )

    async def _end_session(self, grant: Grant, call: RefreshCall) -> None:
        event = await self._event(grant, call, events.SESSION_REUSED, outcome=Outcome.FAILURE)
        async with self._work.begin(grant.subject) as work:
            if ended := await work.sessions.end([grant.session], but=None, reason="reused"):
                await work.revocations.revoke_sessions(ended)
                await work.emit(event)

    async def _end_grant(self, grant: Grant, call: RefreshCall) -> None:
        event = await self._event(grant, call, events.SESSION_REVOKED, reason="membership")
        async with self._work.begin(grant.subject) as work:
            if await work.grants.end(grant.grant):
                await work.emit(event)

    async def _event(
        self, grant: Grant, call: RefreshCall, action: str, *, reason: str = "", outcome: Outcome = Outcome.SUCCESS
    ) -> Event:
        return events.by_subject(
            event_id=self._ids.uuid7(),
            action=action,
            occurred_at=grant.read_at,
            caller=Caller(subject=grant.subject, session=grant.session, client_id=grant.client_id, client=call.client),
            workspace=grant.workspace,
            target=Target(kind="grant", id=grant.grant),
            audit_key=grant.audit_key,
            device_binding=call.device_binding,
            tag_key=await self._tags.key(events.log_of(grant.workspace), grant.read_at.date()),
            reason=reason,
            outcome=outcome,
        )
