"""The access token, as its claims say. Format: docs/formats/access-token.md."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from wardenry.permissions import Role
from wardenry.signed_token import Number

#: `aud` of tokens for the identity backbone's own API.
AUDIENCE = "wardenry"
#: `typ` in the header (RFC 9068).
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the name of a type, no secret
#: No access token lives longer, in seconds.
LONGEST_LIFE = 900


class Confirmation(msgspec.Struct, frozen=True):
    """`cnf` (RFC 7800): the key that a token is bound to."""

    #: Its thumbprint (RFC 9449).
    jkt: str


class AccessToken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A verified access token, decoded from the payload as it stands: names and types here are the format's."""

    #: The https origin that issued it.
    issuer: str = msgspec.field(name="iss")
    #: Whom it may be shown to.
    audience: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = msgspec.field(name="aud")
    #: The person or machine.
    subject: UUID = msgspec.field(name="sub")
    #: The session.
    session: UUID = msgspec.field(name="sid")
    #: The OAuth client that holds it.
    client: str = msgspec.field(name="client_id")
    token_id: UUID = msgspec.field(name="jti")
    #: Scope values with spaces between them; see `scope`.
    scope_values: str = msgspec.field(name="scope")
    #: How the subject authenticated (RFC 8176).
    amr: tuple[str, ...]
    #: Authentication context class: the assurance level of NIST SP 800-63B.
    acr: Literal["aal1", "aal2", "aal3"]
    #: The subject's epoch at issue.
    subject_epoch: Number = msgspec.field(name="sep")
    #: Seconds since 1970; see `auth_time`, `issued_at` and `expires_at`.
    auth_seconds: Number = msgspec.field(name="auth_time")
    issued_seconds: Number = msgspec.field(name="iat")
    expires_seconds: Number = msgspec.field(name="exp")
    #: The workspace that it acts in, the role there, and the membership's epoch at issue; None before one is chosen.
    workspace: UUID | None = msgspec.field(name="wid", default=None)
    role: Role | None = None
    membership_epoch: Number | None = msgspec.field(name="mep", default=None)
    #: None for a bearer.
    confirmation: Confirmation | None = msgspec.field(name="cnf", default=None)

    @property
    def scope(self) -> frozenset[str]:
        return frozenset(self.scope_values.split())

    @property
    def auth_time(self) -> datetime:
        """When the subject authenticated."""
        return datetime.fromtimestamp(self.auth_seconds, UTC)

    @property
    def issued_at(self) -> datetime:
        return datetime.fromtimestamp(self.issued_seconds, UTC)

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expires_seconds, UTC)
