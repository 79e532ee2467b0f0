"""What tenancy writes into the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events import event
from libs.events.caller import Caller, Visitor
from libs.events.event import Actor, ActorKind, Event, MembershipChanged, Outcome, PersonalValues, SearchTags, Target
from services.tenancy.domain.invitation import Invitation
from services.tenancy.domain.membership import Change, Membership
from services.tenancy.domain.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of an event before it happens: settled before its transaction begins."""

    event_id: UUID
    log: UUID
    occurred_at: datetime
    caller: Caller
    tags: SearchTags | None

    def event(
        self,
        action: str,
        *,
        actor_key: ReaderPublicKey | None,
        target: Target | None = None,
        outcome: Outcome = Outcome.SUCCESS,
        details: Mapping[str, str] | None = None,
        personal: tuple[PersonalValues, ...] = (),
        payload: MembershipChanged | None = None,
    ) -> Event:
        """The event, with the caller as its actor; without `actor_key`, without the client's values."""
        return Event(
            event_id=self.event_id,
            log=self.log,
            action=action,
            outcome=outcome,
            occurred_at=self.occurred_at,
            actor=self.caller.actor,
            target=target,
            details=details or {},
            personal=(*self.caller.client.personal(actor_key), *personal),
            tags=self.tags,
            payload=payload,
        )


def workspace_created(at: Circumstances, workspace: Workspace, founder: Membership) -> Event:
    return at.event(
        "workspace.created",
        target=Target(kind="workspace", id=workspace.id),
        actor_key=founder.audit_key,
        details={"region": workspace.region},
    )


def settings_changed(at: Circumstances, workspace: Workspace, actor: Membership, settings: str) -> Event:
    return at.event(
        "settings.changed",
        target=Target(kind="workspace", id=workspace.id),
        actor_key=actor.audit_key,
        details={"settings": settings},
    )


def user_invited(
    at: Circumstances, invitation: Invitation, actor: Membership, *, address: str, invitee_key: ReaderPublicKey
) -> Event:
    return at.event(
        "user.invited",
        target=Target(kind="invitation", id=invitation.id),
        actor_key=actor.audit_key,
        details={"role": invitation.role},
        personal=(PersonalValues(role="target", reader_key=invitee_key, values={event.ADDRESS: address}),),
    )


def invitation_revoked(at: Circumstances, invitation: Invitation, actor: Membership) -> Event:
    return at.event("invitation.revoked", target=Target(kind="invitation", id=invitation.id), actor_key=actor.audit_key)


def invitation_accepted(at: Circumstances, invitation: Invitation, joined: Membership) -> Event:
    return at.event(
        "invitation.accepted",
        target=Target(kind="invitation", id=invitation.id),
        actor_key=joined.audit_key,
        details={"role": joined.role},
        payload=membership_changed(joined),
    )


def invitation_declined(
    invitation: Invitation,
    *,
    event_id: UUID,
    occurred_at: datetime,
    visitor: Visitor,
    invitee_key: ReaderPublicKey | None,
    tags: SearchTags | None,
) -> Event:
    """By whoever holds the secret, who may be known to nobody: what is told of them is the invitee's."""
    return Event(
        event_id=event_id,
        log=invitation.workspace,
        action="invitation.declined",
        occurred_at=occurred_at,
        actor=visitor.actor,
        target=Target(kind="invitation", id=invitation.id),
        details={"role": invitation.role},
        personal=visitor.client.personal(invitee_key),
        tags=tags,
    )


def role_changed(at: Circumstances, change: Change) -> Event:
    return at.event(
        "user.role_changed",
        target=Target(kind="subject", id=change.after.subject),
        actor_key=change.actor.audit_key,
        details={"from": change.before.role, "to": change.after.role},
        payload=membership_changed(change.after),
    )


def member_removed(at: Circumstances, change: Change) -> Event:
    return at.event(
        "member.removed",
        target=Target(kind="subject", id=change.after.subject),
        actor_key=change.actor.audit_key,
        details={"role": change.before.role},
        payload=membership_changed(change.after),
    )


def member_erased(membership: Membership, *, event_id: UUID, occurred_at: datetime) -> Event:
    """A membership that ended because its person is erased."""
    return Event(
        event_id=event_id,
        log=membership.workspace,
        action="member.removed",
        occurred_at=occurred_at,
        actor=Actor(kind=ActorKind.SERVICE, client="datarights"),
        target=Target(kind="subject", id=membership.subject),
        reason="erasure",
        details={"role": membership.role},
        payload=membership_changed(membership),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unattended:
    """The circumstances of what a service asked for, with no person's token: only its certificate is known."""

    log: UUID
    occurred_at: datetime
    #: The service's mutual-TLS name.
    peer: str

    def event(
        self,
        event_id: UUID,
        action: str,
        *,
        target: Target,
        details: Mapping[str, str] | None = None,
        personal: tuple[PersonalValues, ...] = (),
    ) -> Event:
        return Event(
            event_id=event_id,
            log=self.log,
            action=action,
            occurred_at=self.occurred_at,
            actor=Actor(kind=ActorKind.SERVICE, client=self.peer),
            target=target,
            details=details or {},
            personal=personal,
        )


def platform_created(at: Unattended, event_id: UUID, workspace: Workspace) -> Event:
    target = Target(kind="workspace", id=workspace.id)
    return at.event(event_id, "workspace.created", target=target, details={"region": workspace.region})


def platform_renamed(at: Unattended, event_id: UUID, workspace: Workspace) -> Event:
    target = Target(kind="workspace", id=workspace.id)
    return at.event(event_id, "settings.changed", target=target, details={"settings": "name"})


def founder_invited(
    at: Unattended, event_id: UUID, invitation: Invitation, *, address: str, invitee_key: ReaderPublicKey
) -> Event:
    return at.event(
        event_id,
        "user.invited",
        target=Target(kind="invitation", id=invitation.id),
        details={"role": invitation.role},
        personal=(PersonalValues(role="target", reader_key=invitee_key, values={event.ADDRESS: address}),),
    )


def founder_invitation_voided(at: Unattended, event_id: UUID, invitation: Invitation) -> Event:
    return at.event(event_id, "invitation.revoked", target=Target(kind="invitation", id=invitation.id))


def permission_denied(at: Circumstances, actor: Membership | None, *, permission: str, rpc: str) -> Event:
    return at.event(
        "permission.denied",
        actor_key=actor.audit_key if actor is not None else None,
        outcome=Outcome.FAILURE,
        details={"permission": permission, "rpc": rpc},
    )


def membership_changed(membership: Membership) -> MembershipChanged:
    """What session acts on."""
    return MembershipChanged(
        subject=membership.subject,
        workspace=membership.workspace,
        epoch=membership.epoch,
        role=membership.role if membership.present else "",
    )
