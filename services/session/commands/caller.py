"""Who calls: a verified access token and the client that the gateway described."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.events.client import Client
from libs.events.event import Event, Target
from services.session.domain import events
from services.session.domain.ports import Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The holder of a verified access token."""

    subject: UUID
    session: UUID
    client_id: str
    workspace: UUID | None
    #: Empty without a workspace.
    role: str
    amr: tuple[str, ...]
    acr: str
    authenticated_at: datetime
    subject_epoch: int
    #: 0 without a workspace.
    membership_epoch: int
    token_expires_at: datetime
    client: Client

    def event(
        self,
        action: str,
        *,
        target: Target,
        holder: Holder,
        event_id: UUID,
        occurred_at: datetime,
        tag_key: bytes | None,
        reason: str = "",
        details: Mapping[str, str] | None = None,
    ) -> Event:
        """What the caller did, in the log of the token's workspace."""
        return events.by_subject(
            event_id=event_id,
            action=action,
            occurred_at=occurred_at,
            subject=self.subject,
            session=self.session,
            client_id=self.client_id,
            workspace=self.workspace,
            target=target,
            audit_key=holder.audit_key,
            client=self.client,
            device_binding=holder.device_binding,
            tag_key=tag_key,
            reason=reason,
            details=dict(details or {}),
        )
