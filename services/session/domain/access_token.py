"""What an access token says. docs/formats/access-token.md is the specification."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of one token. Issuer and signing key are the issuer's own."""

    subject: UUID
    session: UUID
    client_id: str
    audience: str
    amr: tuple[str, ...]
    acr: str
    authenticated_at: datetime
    #: `sep`.
    subject_epoch: int
    workspace: UUID | None = None
    #: Empty without a workspace, as are the epoch's 0.
    role: str = ""
    #: `mep`.
    membership_epoch: int = 0
    issued_at: datetime
    expires_at: datetime
    token_id: UUID
