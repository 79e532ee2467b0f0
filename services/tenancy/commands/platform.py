"""Inviting the first operator."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from libs.crypto.secret_hash import hash_of
from libs.events.event import Event
from libs.ids import PLATFORM, Entropy, Ids
from libs.mail.address import normalised
from services.tenancy.commands.backlog import invitation_link
from services.tenancy.domain import events
from services.tenancy.domain.errors import InvitationExists, PlatformFounded
from services.tenancy.domain.events import Unattended
from services.tenancy.domain.invitation import LIFE, SECRET_BYTES, Invitation
from services.tenancy.domain.ports import AddressIndex, Store, UnitOfWork, Vault
from services.tenancy.domain.workspace import PLATFORM_NAME, checked_id, checked_name, platform_workspace
from wardenry.clock import Clock
from wardenry.permissions import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class FounderInvited:
    """An invitation that is open now, and how many it replaced."""

    link: str
    expires_at: datetime
    voided: int


class InviteFounder:
    """Begins the platform: its workspace, and an invitation of its first owner."""

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        index: AddressIndex,
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
        region: str,
        origin: str,
        mail_waits: Callable[[], None],
    ) -> None:
        """`origin` is where people open the product; `mail_waits` wakes the job that mails."""
        self._store = store
        self._vault = vault
        self._index = index
        self._clock = clock
        self._ids = ids
        self._entropy = entropy
        self._region = region
        self._origin = origin
        self._mail_waits = mail_waits

    async def __call__(self, *, invitation_id: UUID, address: str, name: str, peer: str) -> FounderInvited:
        """Invites the address, and voids every earlier invitation of this kind. `name` is the workspace's, or empty.

        Raises IdInvalid, AddressInvalid, NameInvalid, SlugTaken, InvitationExists, PlatformFounded, KeysUnavailable.
        """
        checked_id(invitation_id)
        address, name = normalised(address), checked_name(name) if name else ""
        # Before anything is made elsewhere: what is refused must leave no key behind.
        async with self._begin() as work:
            if (await work.memberships.roster(PLATFORM, ())).has_owner:
                raise PlatformFounded
        key = await self._vault.new_invitation(workspace=PLATFORM, invitation=invitation_id, address=address)
        secret = self._entropy.bytes(SECRET_BYTES)
        at = Unattended(log=PLATFORM, occurred_at=self._clock.now(), peer=peer)
        invitation = Invitation(
            workspace=PLATFORM,
            id=invitation_id,
            role=Role.OWNER,
            inviter=None,
            address=key.sealed,
            address_tag=self._index.tag(PLATFORM, address),
            key=key.audit.reference,
            created_at=at.occurred_at,
            expires_at=at.occurred_at + LIFE,
            shown_hash=hash_of(secret),
        )
        async with self._begin() as work:
            happened = await self._workspace(work, at, name)
            voided = await work.invitations.void_founding(PLATFORM, at=at.occurred_at)
            happened += [events.founder_invitation_voided(at, self._ids.uuid7(), each) for each in voided]
            if not await work.invitations.add_founding(invitation, mail_due_at=at.occurred_at):
                taken = await work.invitations.find(PLATFORM, invitation_id)
                raise PlatformFounded if taken is None else InvitationExists
            happened.append(
                events.founder_invited(at, self._ids.uuid7(), invitation, address=address, invitee_key=key.audit)
            )
            for event in happened:
                await work.emit(event)
        self._mail_waits()
        return FounderInvited(
            link=invitation_link(self._origin, invitation_id, secret),
            expires_at=invitation.expires_at,
            voided=len(voided),
        )

    async def _workspace(self, work: UnitOfWork, at: Unattended, name: str) -> list[Event]:
        """Makes the platform's workspace, or renames it; from here on, whoever does the same at once waits."""
        workspace = platform_workspace(name=name or PLATFORM_NAME, region=self._region, created_at=at.occurred_at)
        if await work.workspaces.add(workspace):
            return [events.platform_created(at, self._ids.uuid7(), workspace)]
        found = await work.workspaces.lock(PLATFORM)
        if found is None or not name or found.name == name:
            return []
        await work.workspaces.rename(PLATFORM, name)
        return [events.platform_renamed(at, self._ids.uuid7(), replace(found, name=name))]

    def _begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        # No person's authority: the certificate of the peer "operator" opened the way here.
        return self._store.begin(workspaces=[PLATFORM], standing="administrator")
