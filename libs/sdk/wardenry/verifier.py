"""Judges access tokens: signature and claims once, what was taken away every time."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from wardenry.clock import Clock
from wardenry.errors.error import Unauthenticated, Unavailable, WardenryError
from wardenry.errors.v1 import reason_pb2
from wardenry.keys import KeySet, KeysInvalid
from wardenry.memberships import MembershipSet
from wardenry.permissions import Role
from wardenry.revocations import RevocationSet
from wardenry.tokens import LONGEST_LIFE, TOKEN_TYPE, AccessToken

#: Longer ones are not looked at.
LONGEST_TOKEN = 4096
#: Verdicts kept in memory at most; the oldest go first.
MOST_VERDICTS = 10_000
#: When to ask again for a verdict that is not possible now: feeds come back within a second of their server.
RETRY_AFTER = timedelta(seconds=1)
#: Seconds by which the issuer's clock and ours may differ.
LEEWAY = 5
_ALGORITHM = "EdDSA"
_HEADER = frozenset({"alg", "kid", "typ"})
_ACR = frozenset({"aal1", "aal2", "aal3"})


@dataclass(frozen=True, slots=True)
class _Verdict:
    token: AccessToken
    key_id: str
    until: float


class TokenVerifier:
    """Verifies access tokens of one issuer."""

    def __init__(
        self,
        *,
        issuer: str,
        keys: KeySet,
        revocations: RevocationSet,
        memberships: MembershipSet,
        introspect: Callable[[str], Awaitable[bool]],
        clock: Clock,
    ) -> None:
        """`introspect` says whether a token is good now: what is asked while a feed is stale. May raise
        WardenryError."""
        self._issuer = issuer
        self._keys = keys
        self._revocations = revocations
        self._memberships = memberships
        self._introspect = introspect
        self._clock = clock
        self._verdicts: dict[str, _Verdict] = {}

    @property
    def keys(self) -> KeySet:
        """The issuer's keys, for what else is signed with them."""
        return self._keys

    async def verify(self, token: str, *, audience: str) -> AccessToken:
        """The token's claims, when it is good now and for this audience.

        Raises Unauthenticated (REASON_TOKEN_INVALID, REASON_TOKEN_REVOKED), or Unavailable (REASON_FEED_STALE,
        REASON_DEPENDENCY_UNAVAILABLE) when no verdict is possible; never lets a token pass for want of one.
        """
        at = self._clock.monotonic()
        verdict = self._verdicts.get(token)
        if verdict is None or at >= verdict.until or verdict.key_id not in self._keys:
            verdict = await self._judge(token)
            at = self._clock.monotonic()
        claims = verdict.token
        if audience not in claims.audience:
            raise invalid()
        if self._revocations.refuses(claims) or self._memberships.refuses(claims):
            raise revoked()
        fresh = self._revocations.lease.is_fresh(at) and (
            claims.workspace is None or self._memberships.lease.is_fresh(at)
        )
        if not fresh and not await self._ask(token):
            raise revoked()
        return claims

    async def _ask(self, token: str) -> bool:
        try:
            return await self._introspect(token)
        except WardenryError as error:
            raise Unavailable(
                "No verdict on the access token is possible now.",
                reason=reason_pb2.REASON_FEED_STALE,
                retry_after=error.retry_after or RETRY_AFTER,
            ) from error

    async def _judge(self, token: str) -> _Verdict:
        key_id = key_id_of(token)
        try:
            key = await self._keys.find(key_id)
        except (WardenryError, KeysInvalid) as error:
            raise Unavailable("The keys of the issuer cannot be had now.", retry_after=RETRY_AFTER) from error
        if key is None:
            raise invalid()
        try:
            # Times and issuer are checked by ours: the library asks the machine for the time.
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": False,
                    "verify_iss": False,
                    "verify_sub": False,
                    "verify_jti": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise invalid() from error
        now = self._clock.now()
        access = access_token_of(claims, issuer=self._issuer, now=now)
        until = self._clock.monotonic() + (access.expires_at - now).total_seconds()
        verdict = _Verdict(token=access, key_id=key_id, until=until)
        self._verdicts.pop(token, None)
        if len(self._verdicts) >= MOST_VERDICTS:
            del self._verdicts[next(iter(self._verdicts))]
        self._verdicts[token] = verdict
        return verdict


def key_id_of(token: str) -> str:
    """The id of the key in a token's header. Raises Unauthenticated for any header but {alg, kid, typ} as we write it.

    Whatever else could be there (jku, jwk, x5c, x5u, crit, b64, …) would tell us where to find a key, or how to read.
    """
    if len(token) > LONGEST_TOKEN or token.count(".") != 2:
        raise invalid()
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise invalid() from error
    if header.keys() != _HEADER or header["alg"] != _ALGORITHM or header["typ"] != TOKEN_TYPE:
        raise invalid()
    key_id = header["kid"]
    if not isinstance(key_id, str):
        raise invalid()
    return key_id


def access_token_of(claims: Mapping[str, Any], *, issuer: str, now: datetime) -> AccessToken:
    """Claims as an access token; each must be there, of its type, and hold now. Raises Unauthenticated."""
    try:
        access = _parsed(claims)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise invalid() from error
    seconds = now.timestamp()
    issued, expires = access.issued_at.timestamp(), access.expires_at.timestamp()
    if access.issuer != issuer or seconds >= expires or issued > seconds + LEEWAY or expires - issued > LONGEST_LIFE:
        raise invalid()
    if access.confirmation is not None:
        # Bound to a key (RFC 9449): good only with a proof, and no caller of ours brings one yet.
        raise invalid()
    return access


def _parsed(claims: Mapping[str, Any]) -> AccessToken:
    has_workspace = "wid" in claims
    if has_workspace != ("role" in claims) or has_workspace != ("mep" in claims):
        raise ValueError("wid, role and mep come together")
    audience = claims["aud"]
    if not isinstance(audience, list) or not audience:
        raise TypeError("aud is a list of names")
    acr = _text(claims["acr"])
    if acr not in _ACR:
        raise ValueError("acr is an assurance level")
    confirmation = claims.get("cnf")
    return AccessToken(
        issuer=_text(claims["iss"]),
        audience=tuple(_text(each) for each in audience),
        subject=_uuid(claims["sub"]),
        workspace=_uuid(claims["wid"]) if has_workspace else None,
        session=_uuid(claims["sid"]),
        client=_text(claims["client_id"]),
        role=Role(claims["role"]) if has_workspace else None,
        scope=frozenset(_scope(claims["scope"])),
        amr=tuple(_text(each) for each in claims["amr"]),
        acr=acr,
        auth_time=_time(claims["auth_time"]),
        subject_epoch=_number(claims["sep"]),
        membership_epoch=_number(claims["mep"]) if has_workspace else None,
        issued_at=_time(claims["iat"]),
        expires_at=_time(claims["exp"]),
        token_id=_uuid(claims["jti"]),
        confirmation=_text(confirmation["jkt"]) if confirmation is not None else None,
    )


def invalid() -> Unauthenticated:
    """One refusal for everything that is wrong with a token: a caller learns nothing from which."""
    return Unauthenticated("The access token is not good.", reason=reason_pb2.REASON_TOKEN_INVALID)


def revoked() -> Unauthenticated:
    return Unauthenticated("The access token has been revoked; refresh it.", reason=reason_pb2.REASON_TOKEN_REVOKED)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _scope(value: object) -> list[str]:
    return _text(value).split(" ") if value != "" else []


def _uuid(value: object) -> UUID:
    parsed = UUID(_text(value))
    if str(parsed) != value:
        raise ValueError("not a UUID in its canonical form")
    return parsed


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("not a whole number")
    return value


def _time(value: object) -> datetime:
    return datetime.fromtimestamp(_number(value), UTC)
