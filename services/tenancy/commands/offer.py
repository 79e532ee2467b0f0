"""What an invitation offers: looking at it, and declining it, for whoever holds its secret."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.crypto.secret_hash import hash_of
from libs.events.caller import Visitor
from libs.ids import Ids
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.domain import events
from services.tenancy.domain.errors import InvitationInvalid, KeyGone
from services.tenancy.domain.invitation import Invitation
from services.tenancy.domain.ports import Store, UnitOfWork, Vault
from wardenry.clock import Clock
from wardenry.permissions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What whoever holds an invitation's secret may know of it."""

    #: The workspace's name.
    workspace: str
    role: Role
    #: The inviter's name; empty without one, and once their key was destroyed.
    inviter: str
    expires_at: datetime


class OfferCommands:
    """What the secret of an invitation is good for before, or without, anybody signing in."""

    def __init__(self, *, store: Store, vault: Vault, recorder: Recorder, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._vault = vault
        self._recorder = recorder
        self._clock = clock
        self._ids = ids

    async def look(self, *, invitation_id: UUID, secret: bytes) -> Offer:
        """What an open invitation offers to whoever holds its secret. Raises InvitationInvalid, KeysUnavailable."""
        workspace, secret_hash = await self._workspace_of(invitation_id, secret)
        async with self._delegated(workspace) as work:
            invitation = await self._opened(work, workspace, invitation_id, secret_hash)
            asked = [invitation.inviter] if invitation.inviter else []
            roster = await work.memberships.roster(workspace, asked)
            invitation.check_backed(roster)
            entered = await work.workspaces.find(workspace)
        if entered is None:
            raise InvitationInvalid
        inviter = roster.present(invitation.inviter) if invitation.inviter else None
        (contact,) = await self._vault.contacts([inviter]) if inviter else (None,)
        return Offer(
            workspace=entered.name,
            role=invitation.role,
            inviter=contact.name if contact else "",
            expires_at=invitation.expires_at,
        )

    async def decline(self, visitor: Visitor, *, invitation_id: UUID, secret: bytes) -> None:
        """Spends an open invitation for whoever holds its secret, a known person or not.

        Raises InvitationInvalid, KeysUnavailable.
        """
        workspace, secret_hash = await self._workspace_of(invitation_id, secret)
        try:
            key = await self._vault.invitation_key(workspace=workspace, invitation=invitation_id)
        except KeyGone:
            key = None
        tags, now = await self._recorder.tags(visitor.client, workspace), self._clock.now()
        async with self._delegated(workspace) as work:
            invitation = await self._opened(work, workspace, invitation_id, secret_hash)
            if not await work.invitations.revoke(invitation, at=now):
                raise InvitationInvalid
            await work.emit(
                events.invitation_declined(
                    invitation,
                    event_id=self._ids.uuid7(),
                    occurred_at=now,
                    visitor=visitor,
                    invitee_key=key,
                    tags=tags,
                )
            )

    async def _workspace_of(self, invitation_id: UUID, secret: bytes) -> tuple[UUID, bytes]:
        secret_hash = hash_of(secret)
        workspace = await self._store.workspace_of_invitation(invitation_id, secret_hash)
        if workspace is None:
            raise InvitationInvalid
        return workspace, secret_hash

    async def _opened(self, work: UnitOfWork, workspace: UUID, invitation_id: UUID, secret_hash: bytes) -> Invitation:
        invitation = await work.invitations.lock(workspace, invitation_id)
        if invitation is None:
            raise InvitationInvalid
        invitation.check_secret(secret_hash, now=self._clock.now())
        return invitation

    def _delegated(self, workspace: UUID) -> AbstractAsyncContextManager[UnitOfWork]:
        # By the inviter's leave, as an acceptance is: administrators'.
        return self._store.begin(workspaces=[workspace], standing="administrator")
