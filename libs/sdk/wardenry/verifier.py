"""Judges access tokens: signature and claims once, what was taken away every time."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wardenry.clock import Clock
from wardenry.errors.error import Unauthenticated, Unavailable, WardenryError
from wardenry.errors.v1 import reason_pb2
from wardenry.keys import KeySet, KeysInvalid
from wardenry.lease import LONGEST
from wardenry.memberships import MembershipSet
from wardenry.revocations import RevocationSet
from wardenry.signed_token import LEEWAY, SignedToken, SignedTokenInvalid, parse
from wardenry.tokens import LONGEST_LIFE, TOKEN_TYPE, AccessToken

#: Verdicts kept in memory at most; the oldest go first.
MOST_VERDICTS = 10_000
#: When to ask again for a verdict that is not possible now: feeds come back within a second of their server.
RETRY_AFTER = timedelta(seconds=1)
_DECODER = msgspec.json.Decoder(AccessToken)


# As the token in it, it holds nothing that could hold it: Python's collector need not look for cycles among thousands.
class _Verdict(msgspec.Struct, frozen=True, gc=False):
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
        if self._refuses(claims):
            raise revoked()
        fresh = self._revocations.lease.is_fresh(at) and (
            claims.workspace is None or self._memberships.lease.is_fresh(at)
        )
        if not fresh and (not await self._ask(token) or self._refuses(claims)):
            raise revoked()
        return claims

    def _refuses(self, claims: AccessToken) -> bool:
        return self._revocations.refuses(claims) or self._memberships.refuses(claims)

    async def _ask(self, token: str) -> bool:
        asked_at = self._clock.monotonic()
        try:
            active = await self._introspect(token)
        except WardenryError as error:
            raise stale(retry_after=error.retry_after) from error
        # Nobody waits for who has no lease: what was active then may have been ended since, and that acknowledged.
        if active and self._clock.monotonic() - asked_at >= LONGEST:
            raise stale()
        return active

    async def _judge(self, token: str) -> _Verdict:
        parsed = parsed_access_token(token)
        try:
            key = await self._keys.find(parsed.key_id)
        except (WardenryError, KeysInvalid) as error:
            raise Unavailable("The keys of the issuer cannot be had now.", retry_after=RETRY_AFTER) from error
        if key is None:
            raise invalid()
        now = self._clock.now()
        access = access_token_of(parsed, key, issuer=self._issuer, now=now)
        until = self._clock.monotonic() + access.expires_seconds - now.timestamp()
        verdict = _Verdict(token=access, key_id=parsed.key_id, until=until)
        self._verdicts.pop(token, None)
        if len(self._verdicts) >= MOST_VERDICTS:
            del self._verdicts[next(iter(self._verdicts))]
        self._verdicts[token] = verdict
        return verdict


def parsed_access_token(token: str) -> SignedToken:
    """The parts of an access token, none of them judged yet. Raises Unauthenticated."""
    try:
        return parse(token, kind=TOKEN_TYPE)
    except SignedTokenInvalid:
        raise invalid() from None


def access_token_of(token: SignedToken, key: Ed25519PublicKey, *, issuer: str, now: datetime) -> AccessToken:
    """The access token that this key signed; each claim must be there, of its type, and hold now.

    Raises Unauthenticated.
    """
    try:
        access = _DECODER.decode(token.payload(key))
    except (SignedTokenInvalid, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid() from None
    absent = (access.workspace is None) + (access.role is None) + (access.membership_epoch is None)
    if (
        access.issuer != issuer
        or absent not in (0, 3)
        or not _is_now(access, now.timestamp())
        # Bound to a key (RFC 9449): good only with a proof, and no caller of ours brings one yet.
        or access.confirmation is not None
    ):
        raise invalid()
    return access


def _is_now(access: AccessToken, now: float) -> bool:
    life = access.expires_seconds - access.issued_seconds
    return now < access.expires_seconds and access.issued_seconds <= now + LEEWAY and life <= LONGEST_LIFE


def invalid() -> Unauthenticated:
    """One refusal for everything that is wrong with a token: a caller learns nothing from which."""
    return Unauthenticated("The access token is not good.", reason=reason_pb2.REASON_TOKEN_INVALID)


def stale(*, retry_after: timedelta | None = None) -> Unavailable:
    return Unavailable(
        "No verdict on the access token is possible now.",
        reason=reason_pb2.REASON_FEED_STALE,
        retry_after=retry_after or RETRY_AFTER,
    )


def revoked() -> Unauthenticated:
    return Unauthenticated("The access token has been revoked; refresh it.", reason=reason_pb2.REASON_TOKEN_REVOKED)
