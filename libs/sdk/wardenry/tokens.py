"""The access token, as its claims say. Format: docs/formats/access-token.md."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wardenry.permissions import Role

#: `aud` of tokens for the identity backbone's own API.
AUDIENCE = "wardenry"
#: `typ` in the header (RFC 9068).
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the name of a type, no secret
#: No access token lives longer, in seconds.
LONGEST_LIFE = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A verified access token."""

    #: `iss`: the https origin that issued it.
    issuer: str
    #: `aud`: whom it may be shown to.
    audience: tuple[str, ...]
    #: `sub`: the person or machine.
    subject: UUID
    #: `wid`: the workspace it acts in; None before one is chosen.
    workspace: UUID | None
    #: `sid`: the session.
    session: UUID
    #: `client_id`: the OAuth client that holds it.
    client: str
    #: `role` in the workspace; None without a workspace.
    role: Role | None
    #: `scope`.
    scope: frozenset[str]
    #: `amr`: how the subject authenticated (RFC 8176).
    amr: tuple[str, ...]
    #: `acr`: "aal1" or "aal2".
    acr: str
    #: `auth_time`: when the subject authenticated.
    auth_time: datetime
    #: `sep`: the subject's epoch at issue.
    subject_epoch: int
    #: `mep`: the membership's epoch at issue; None without a workspace.
    membership_epoch: int | None
    #: `iat`.
    issued_at: datetime
    #: `exp`.
    expires_at: datetime
    #: `jti`.
    token_id: UUID
    #: `cnf.jkt`: thumbprint of the key that it is bound to (RFC 9449); None for a bearer.
    confirmation: str | None = None
