"""Who calls, and the token that they call with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.events.caller import Caller
from libs.events.event import Event, Target
from services.session.domain import events
from services.session.domain.ports import Holder
from wardenry.tokens import AccessToken


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCaller(Caller):
    """A caller whose token is judged further, or exchanged."""

    token: AccessToken

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
            caller=self,
            workspace=self.token.workspace,
            target=target,
            audit_key=holder.audit_key,
            device_binding=holder.device_binding,
            tag_key=tag_key,
            reason=reason,
            details=details,
        )
