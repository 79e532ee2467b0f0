"""Opening a workspace in a session, and exchanging a token for a product's."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from libs.events.event import Target
from libs.ids import Entropy, Ids
from services.session.commands.caller import TokenCaller
from services.session.commands.standing import Standings
from services.session.commands.token import AccessTokens, TokenIssuer, Tokens
from services.session.domain import events
from services.session.domain.access_token import Claims
from services.session.domain.errors import AudienceUnknown, NotMember, SessionEnded
from services.session.domain.grant import NewGrant
from services.session.domain.ports import TagKeys, UnitsOfWork
from wardenry.clock import Clock

_SEED_BYTES = 32


class CreateGrant:
    """Opens a workspace in the caller's session: a grant with tokens of its own."""

    def __init__(
        self,
        *,
        work: UnitsOfWork,
        standings: Standings,
        tags: TagKeys,
        issuer: TokenIssuer,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        self._work = work
        self._standings = standings
        self._tags = tags
        self._issuer = issuer
        self._clock = clock
        self._ids = ids
        self._entropy = entropy

    async def __call__(
        self, caller: TokenCaller, *, grant: UUID, workspace: UUID, audience: str, device_binding: bytes
    ) -> Tokens:
        """Raises NotMember, GrantExists, SessionEnded, DependencyUnavailable."""
        membership = await self._standings.member(caller.subject, workspace)
        if membership is None:
            raise NotMember
        now = self._clock.now()
        event = events.by_subject(
            event_id=self._ids.uuid7(),
            action=events.GRANT_CREATED,
            occurred_at=now,
            caller=caller,
            workspace=workspace,
            target=Target(kind="grant", id=grant),
            audit_key=membership.audit_key,
            device_binding=device_binding,
            tag_key=await self._tags.key(workspace, now.date()),
        )
        async with self._work.begin(caller.subject) as work:
            live = await work.sessions.lock(caller.session)
            if live is None or live.subject_epoch > caller.token.subject_epoch:
                raise SessionEnded
            stored = await work.grants.add(
                NewGrant(
                    subject=caller.subject,
                    grant=grant,
                    session=caller.session,
                    client_id=caller.client_id,
                    audience=audience,
                    workspace=workspace,
                    standing=membership.standing,
                    audit_key=membership.audit_key,
                    device_binding=device_binding,
                    seed=self._entropy.bytes(_SEED_BYTES),
                    key_version=self._issuer.key_version,
                    idle=membership.policy.idle,
                    absolute=membership.policy.absolute,
                )
            )
            tokens = self._issuer.issue(stored, subject_epoch=live.subject_epoch)
            await work.emit(event)
        return tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangedToken:
    """An access token of another audience."""

    access_token: str = field(repr=False)
    expires_at: datetime


class ExchangeToken:
    """Exchanges the caller's token for a short one of a registered audience (RFC 8693)."""

    def __init__(
        self,
        *,
        work: UnitsOfWork,
        access: AccessTokens,
        tags: TagKeys,
        audiences: frozenset[str],
        life: timedelta,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """`audiences` are those that may be asked for; `life` is the longest that the new token lives."""
        self._work = work
        self._access = access
        self._tags = tags
        self._audiences = audiences
        self._life = life
        self._clock = clock
        self._ids = ids

    async def __call__(self, caller: TokenCaller, *, audience: str) -> ExchangedToken:
        """Raises AudienceUnknown, SessionEnded."""
        if audience not in self._audiences:
            raise AudienceUnknown
        token, now = caller.token, self._clock.now()
        expires_at = min(now.replace(microsecond=0) + self._life, token.expires_at)
        tag_key = await self._tags.key(events.log_of(token.workspace), now.date())
        async with self._work.begin(caller.subject) as work:
            holder = await work.sessions.holder(caller.session, token.workspace)
            if holder is None or holder.subject_epoch > token.subject_epoch:
                raise SessionEnded
            await work.emit(
                caller.event(
                    events.TOKEN_EXCHANGED,
                    target=Target(kind="session", id=caller.session),
                    holder=holder,
                    event_id=self._ids.uuid7(),
                    occurred_at=now,
                    tag_key=tag_key,
                    details={"audience": audience},
                )
            )
        claims = Claims(
            subject=caller.subject,
            session=caller.session,
            client_id=caller.client_id,
            audience=audience,
            amr=token.amr,
            acr=token.acr,
            authenticated_at=token.auth_time,
            subject_epoch=token.subject_epoch,
            workspace=token.workspace,
            role=token.role or "",
            membership_epoch=token.membership_epoch or 0,
            issued_at=now.replace(microsecond=0),
            expires_at=expires_at,
            token_id=self._ids.uuid7(),
        )
        return ExchangedToken(access_token=self._access.sign(claims), expires_at=expires_at)
