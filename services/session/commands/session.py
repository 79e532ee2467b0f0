"""Beginning a session, and listing a person's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.events.caller import Caller
from libs.events.client import Client
from libs.events.event import IP_ADDRESS, USER_AGENT, Outcome, Target
from libs.ids import Entropy, Ids
from services.session.commands.page import PageTokens
from services.session.commands.standing import Standings
from services.session.commands.token import TokenIssuer, Tokens
from services.session.domain import events
from services.session.domain.errors import NotMember
from services.session.domain.grant import NewGrant
from services.session.domain.membership import Membership, SessionPolicy
from services.session.domain.ports import SealedRow, Seals, TagKeys, Tickets, UnitsOfWork
from services.session.domain.session import Authentication, ListedSession, NewSession
from wardenry.clock import Clock

#: The first-party browser's OAuth client, and whom its tokens are for.
GATEWAY_CLIENT = "gateway"
GATEWAY_AUDIENCE = "wardenry"
_SEED_BYTES = 32
_PAGE = 50


class CreateSession:
    """Turns a ticket into a session, its first grant and its first tokens."""

    def __init__(
        self,
        *,
        work: UnitsOfWork,
        tickets: Tickets,
        standings: Standings,
        seals: Seals,
        tags: TagKeys,
        issuer: TokenIssuer,
        policy: SessionPolicy,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        """`policy` is for sessions, and for grants without a workspace; a workspace's grant has the workspace's."""
        self._work = work
        self._tickets = tickets
        self._standings = standings
        self._seals = seals
        self._tags = tags
        self._issuer = issuer
        self._policy = policy
        self._clock = clock
        self._ids = ids
        self._entropy = entropy

    async def __call__(
        self, *, session: UUID, ticket: bytes, browser_binding: bytes, device_binding: bytes, client: Client
    ) -> Tokens:
        """Raises TicketInvalid, NotMember, SessionExists, DependencyUnavailable. Before the transaction nothing is
        spent for good: the same ticket may be redeemed again for the same session while it lives."""
        proved = await self._tickets.redeem(ticket=ticket, browser_binding=browser_binding, session=session)
        membership = await self._membership(proved)
        if membership is None and proved.workspace is not None:
            await self._refuse(proved, proved.workspace, session, device_binding, client)
            raise NotMember
        sealed = await self._seals.seal(
            session, proved.audit_key, {IP_ADDRESS: client.address, USER_AGENT: client.agent}
        )
        now = self._clock.now()
        audit_key = membership.audit_key if membership else proved.audit_key
        policy = membership.policy if membership else self._policy
        event = events.by_subject(
            event_id=self._ids.uuid7(),
            action=events.USER_LOGIN,
            occurred_at=now,
            caller=Caller(subject=proved.subject, session=session, client_id=GATEWAY_CLIENT, client=client),
            workspace=proved.workspace,
            target=Target(kind="session", id=session),
            audit_key=audit_key,
            device_binding=device_binding,
            tag_key=await self._tags.key(events.log_of(proved.workspace), now.date()),
            details={"amr": " ".join(proved.amr), "acr": proved.acr},
        )
        async with self._work.begin(proved.subject) as work:
            await work.subjects.check(proved.subject_epoch)
            await work.sessions.add(
                NewSession(
                    session=session,
                    client_id=GATEWAY_CLIENT,
                    authentication=proved,
                    ip_address_sealed=sealed[IP_ADDRESS],
                    user_agent_sealed=sealed[USER_AGENT],
                    country=client.country,
                    absolute=self._policy.absolute,
                )
            )
            grant = await work.grants.add(
                NewGrant(
                    subject=proved.subject,
                    grant=self._ids.uuid7(),
                    session=session,
                    client_id=GATEWAY_CLIENT,
                    audience=GATEWAY_AUDIENCE,
                    workspace=proved.workspace,
                    standing=membership.standing if membership else None,
                    audit_key=audit_key,
                    device_binding=device_binding,
                    seed=self._entropy.bytes(_SEED_BYTES),
                    key_version=self._issuer.key_version,
                    idle=policy.idle,
                    absolute=policy.absolute,
                )
            )
            tokens = self._issuer.issue(grant, subject_epoch=proved.subject_epoch)
            await work.emit(event)
        return tokens

    async def _membership(self, proved: Authentication) -> Membership | None:
        if proved.workspace is None:
            return None
        return await self._standings.member(proved.subject, proved.workspace)

    async def _refuse(
        self, proved: Authentication, workspace: UUID, session: UUID, device_binding: bytes, client: Client
    ) -> None:
        # In the platform's log: a workspace hears of no stranger, and has no key for one.
        now = self._clock.now()
        event = events.by_subject(
            event_id=self._ids.uuid7(),
            action=events.USER_LOGIN,
            occurred_at=now,
            caller=Caller(subject=proved.subject, session=session, client_id=GATEWAY_CLIENT, client=client),
            workspace=None,
            target=Target(kind="workspace", id=workspace),
            audit_key=proved.audit_key,
            device_binding=device_binding,
            tag_key=await self._tags.key(events.log_of(None), now.date()),
            reason="membership",
            outcome=Outcome.FAILURE,
        )
        async with self._work.begin(proved.subject) as work:
            await work.emit(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A live session, as its owner sees it."""

    session: UUID
    created_at: datetime
    last_used_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    #: Empty once the person's key is gone.
    ip_address: str = field(repr=False)
    user_agent: str = field(repr=False)
    country: str
    workspaces: tuple[UUID, ...]


class ListSessions:
    """A person's live sessions, newest first."""

    def __init__(self, *, work: UnitsOfWork, seals: Seals, pages: PageTokens) -> None:
        self._work = work
        self._seals = seals
        self._pages = pages

    async def __call__(self, subject: UUID, *, page_size: int, page_token: str) -> tuple[Sequence[SessionView], str]:
        """A page and the token of the next one, empty at the end. Raises PageTokenInvalid, DependencyUnavailable."""
        size = page_size or _PAGE
        before = self._pages.read(page_token, subject=subject) if page_token else None
        async with self._work.begin(subject) as work:
            rows = await work.sessions.page(before=before, size=size + 1)
        shown = rows[:size]
        opened = await self._seals.open([_sealed(row) for row in shown])
        views = [
            SessionView(
                session=row.session,
                created_at=row.created_at,
                last_used_at=max(row.created_at, _to_the_minute(row.last_used_at)),
                idle_expires_at=row.idle_expires_at,
                expires_at=row.expires_at,
                ip_address=values.get(IP_ADDRESS, ""),
                user_agent=values.get(USER_AGENT, ""),
                country=row.country,
                workspaces=row.workspaces,
            )
            for row, values in zip(shown, opened, strict=True)
        ]
        more = len(rows) > size
        return views, self._pages.make(shown[-1].session, subject=subject) if more else ""


def _sealed(row: ListedSession) -> SealedRow:
    return SealedRow(
        session=row.session,
        key=row.reader_key,
        values={IP_ADDRESS: row.ip_address_sealed, USER_AGENT: row.user_agent_sealed},
    )


def _to_the_minute(moment: datetime) -> datetime:
    return moment - timedelta(seconds=moment.second, microseconds=moment.microsecond)
