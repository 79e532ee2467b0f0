"""Making tokens: access tokens by template and signature, refresh tokens from the grant's counter."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from libs.ids import Ids
from services.session.commands.signing_key import SigningKeySet
from services.session.domain.access_token import Claims
from services.session.domain.grant import Grant
from services.session.domain.refresh_token import RefreshKeys
from wardenry import base64url


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """An access token and the refresh token that follows it."""

    access_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_token: str = field(repr=False)
    refresh_expires_at: datetime
    session: UUID
    subject: UUID
    workspace: UUID | None
    #: Empty without a workspace.
    role: str


class AccessTokens:
    """Signs claims. docs/formats/access-token.md is the specification."""

    def __init__(self, *, issuer: str, keys: SigningKeySet) -> None:
        """`issuer` is the https origin of the gateway: `iss`."""
        self._issuer = _quoted(issuer)
        self._keys = keys

    def sign(self, claims: Claims) -> str:
        """The JWT. Raises SigningKeyMissing."""
        signer = self._keys.signer
        signed = f"{_header(signer.key_id)}.{base64url.encode(self._payload(claims).encode())}"
        return f"{signed}.{base64url.encode(signer.private.sign(signed.encode()))}"

    def _payload(self, claims: Claims) -> str:
        # A template: what is no number or UUID is quoted by the JSON encoder, once for each value.
        workspace = ""
        if claims.workspace is not None:
            workspace = f',"wid":"{claims.workspace}","role":{_quoted(claims.role)},"mep":{claims.membership_epoch:d}'
        return (
            f'{{"iss":{self._issuer},"aud":[{_quoted(claims.audience)}],"sub":"{claims.subject}"'
            f',"client_id":{_quoted(claims.client_id)},"jti":"{claims.token_id}","sid":"{claims.session}"{workspace}'
            f',"sep":{claims.subject_epoch:d},"scope":"","amr":{_quoted_list(claims.amr)},"acr":{_quoted(claims.acr)}'
            f',"auth_time":{_seconds(claims.authenticated_at)}'
            f',"iat":{_seconds(claims.issued_at)},"exp":{_seconds(claims.expires_at)}}}'
        )


class TokenIssuer:
    """Makes the token pair of a grant."""

    def __init__(self, *, access: AccessTokens, refresh: RefreshKeys, ids: Ids, life: timedelta) -> None:
        """`life` is that of access tokens, at most 15 minutes."""
        self._access = access
        self._refresh = refresh
        self._ids = ids
        self._life = life

    @property
    def key_version(self) -> int:
        """Version of the server's key that new refresh tokens are made with."""
        return self._refresh.current_version

    def issue(self, grant: Grant, *, subject_epoch: int) -> Tokens:
        """The pair for the grant's present counter: the refresh token is the same each time, the access token is new.

        Raises SigningKeyMissing.
        """
        # Whole seconds, as the claims say it.
        issued_at = grant.read_at.replace(microsecond=0)
        expires_at = min(issued_at + self._life, grant.expires_at.replace(microsecond=0))
        role = grant.standing.role if grant.standing else ""
        claims = Claims(
            subject=grant.subject,
            session=grant.session,
            client_id=grant.client_id,
            audience=grant.audience,
            amr=grant.amr,
            acr=grant.acr,
            authenticated_at=grant.authenticated_at,
            subject_epoch=subject_epoch,
            workspace=grant.workspace,
            role=role,
            membership_epoch=grant.standing.epoch if grant.standing else 0,
            issued_at=issued_at,
            expires_at=expires_at,
            token_id=self._ids.uuid7(),
        )
        return Tokens(
            access_token=self._access.sign(claims),
            access_expires_at=expires_at,
            refresh_token=self._refresh.issue(
                subject=grant.subject,
                grant=grant.grant,
                counter=grant.counter,
                key_version=grant.key_version,
                seed=grant.seed,
            ),
            refresh_expires_at=grant.refresh_expires_at,
            session=grant.session,
            subject=grant.subject,
            workspace=grant.workspace,
            role=role,
        )


@lru_cache(maxsize=1024)
def _quoted(value: str) -> str:
    return json.dumps(value)


@lru_cache(maxsize=1024)
def _quoted_list(values: tuple[str, ...]) -> str:
    return json.dumps(values, separators=(",", ":"))


@lru_cache(maxsize=8)
def _header(key_id: str) -> str:
    return base64url.encode(f'{{"alg":"EdDSA","kid":{_quoted(key_id)},"typ":"at+jwt"}}'.encode())


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
