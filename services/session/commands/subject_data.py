"""Session's part in people's rights over their data."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from libs.events.event import IP_ADDRESS, USER_AGENT
from libs.ids import Ids
from services.session.domain import events
from services.session.domain.ports import SealedRow, Seals, UnitsOfWork
from wardenry.clock import Clock
from wardenry.subject_data import Category, Erased, Kept, Obstacle, Row

_SESSIONS = Category(
    name="sessions",
    description="Sign-ins: when, with what, from where, and to which workspaces they lead.",
    purpose="Staying signed in, and seeing and ending what is signed in.",
    retention="A day after the session's end.",
    fields=(
        "session_id",
        "client",
        "methods",
        "assurance",
        "authenticated_at",
        "created_at",
        "last_used_at",
        "expires_at",
        "ended_at",
        "end_reason",
        "ip_address",
        "user_agent",
        "country",
        "workspace_ids",
    ),
)
_REASON: Final = "erasure"


class SubjectData:
    """What session holds: shown and erased. It holds nothing that could be wrong about a person."""

    def __init__(self, *, work: UnitsOfWork, seals: Seals, clock: Clock, ids: Ids) -> None:
        self._work = work
        self._seals = seals
        self._clock = clock
        self._ids = ids

    def categories(self) -> Sequence[Category]:
        return (_SESSIONS,)

    async def obstacles(self, subject: UUID) -> Sequence[Obstacle]:
        return ()

    async def rows(self, subject: UUID) -> AsyncIterator[Row]:
        async with self._work.begin(subject) as work:
            held = await work.subject_data.all()
        sealed = [
            SealedRow(
                session=each.session,
                key=each.reader_key,
                values={IP_ADDRESS: each.ip_address_sealed, USER_AGENT: each.user_agent_sealed},
            )
            for each in held
        ]
        for each, values in zip(held, await self._seals.open(sealed), strict=True):
            yield Row(
                _SESSIONS.name,
                {
                    "session_id": str(each.session),
                    "client": each.client_id,
                    "methods": list(each.amr),
                    "assurance": each.acr,
                    "authenticated_at": each.authenticated_at.isoformat(),
                    "created_at": each.created_at.isoformat(),
                    "last_used_at": each.last_used_at.isoformat() if each.last_used_at else None,
                    "expires_at": each.expires_at.isoformat(),
                    "ended_at": each.ended_at.isoformat() if each.ended_at else None,
                    "end_reason": each.end_reason,
                    "ip_address": values.get(IP_ADDRESS, ""),
                    "user_agent": values.get(USER_AGENT, ""),
                    "country": each.country,
                    "workspace_ids": [str(workspace) for workspace in each.workspaces],
                },
            )

    async def rectify(self, subject: UUID, *, field: str, value: str) -> int:
        return 0

    async def erase(self, subject: UUID) -> Erased:
        """Ends every session of the person, and removes what is left of them."""
        async with self._work.begin(subject) as work:
            ended = await work.sessions.end(None, but=None, reason=_REASON)
            await work.revocations.revoke_sessions(ended)
            for session in ended:
                await work.emit(
                    events.revoked_by_service(
                        event_id=self._ids.uuid7(),
                        occurred_at=self._clock.now(),
                        session=session,
                        service="datarights",
                        reason=_REASON,
                    )
                )
            removed = await work.subject_data.remove_ended()
        await work.revocations.settled()
        return Erased(
            rows=removed,
            kept=(Kept(category="sessions", obligation="The least valid epoch, so that no old token is good again."),),
        )
