"""Judging access tokens: by the signing keys, and by the database for what was taken away."""

from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from libs.batch import Batch, BatchFull
from libs.recent import Recent
from services.session.commands.signing_key import SigningKeySet
from services.session.commands.standing import Standings
from services.session.domain.errors import DependencyUnavailable
from services.session.domain.ports import Judge
from wardenry.clock import Clock
from wardenry.errors.error import Unauthenticated
from wardenry.tokens import AccessToken
from wardenry.verifier import access_token_of, invalid, parsed_access_token, revoked

#: Tokens whose signature was found good and is not computed again; the longest unused go first.
_REMEMBERED = 10_000


class SignedTokens:
    """Reads tokens by the signing keys alone: whether this issuer signed them and they have not expired."""

    def __init__(self, *, issuer: str, keys: SigningKeySet, clock: Clock) -> None:
        self._issuer = issuer
        self._keys = keys
        self._clock = clock
        self._read: Recent[str, tuple[str, AccessToken]] = Recent(_REMEMBERED)

    def read(self, token: str) -> AccessToken:
        """The claims, for whatever audience. Raises Unauthenticated, SigningKeyMissing."""
        known = self._read.get(token)
        if known is None:
            known = self._verified(token)
            self._read.put(token, known)
        key_id, access = known
        if key_id not in self._keys.public or self._clock.now().timestamp() >= access.expires_seconds:
            self._read.forget(token)
            raise invalid()
        return access

    def _verified(self, token: str) -> tuple[str, AccessToken]:
        parsed = parsed_access_token(token)
        public = self._keys.public.get(parsed.key_id)
        if public is None:
            raise invalid()
        key = Ed25519PublicKey.from_public_bytes(public)
        return parsed.key_id, access_token_of(parsed, key, issuer=self._issuer, now=self._clock.now())


class Liveness:
    """Whether session and epoch of tokens are good, by the database as it is after each call began. Never a cache: once
    a revocation was acknowledged, no later call is answered otherwise."""

    def __init__(self, *, judge: Judge, batch_size: int = 256, tick: float = 0.001, ticks: int = 8) -> None:
        """The first of a batch waits `tick` seconds for others, up to `ticks` times as long while they keep coming: a
        statement costs the processes what judging ten tokens does."""
        self._batch: Batch[AccessToken, bool] = Batch(work=judge.live, size=batch_size, tick=tick, ticks=ticks)

    async def of(self, token: AccessToken) -> bool:
        """Raises DependencyUnavailable when too many ask."""
        try:
            return await self._batch.submit(token)
        except BatchFull:
            raise DependencyUnavailable("session") from None


class Introspect:
    """Says whether a token is good now, for validators whose own knowledge is stale."""

    def __init__(
        self,
        *,
        reader: SignedTokens,
        liveness: Liveness,
        standings: Standings,
        batch_size: int = 256,
        tick: float = 0.001,
    ) -> None:
        self._reader = reader
        self._liveness = liveness
        self._standings = standings
        self._batch: Batch[tuple[UUID, UUID, int], bool] = Batch(work=standings.void, size=batch_size, tick=tick)

    async def __call__(self, token: str) -> AccessToken | None:
        """The token if it is good, else None. Raises DependencyUnavailable when that cannot be told."""
        try:
            read = self._reader.read(token)
        except Unauthenticated:
            return None
        return read if await self._liveness.of(read) and not await self._void(read) else None

    async def _void(self, token: AccessToken) -> bool:
        if token.workspace is None:
            return False
        membership = (token.subject, token.workspace, token.membership_epoch or 0)
        told = self._standings.told_void(*membership)
        if told is not None:
            return told
        try:
            return await self._batch.submit(membership)
        except BatchFull:
            raise DependencyUnavailable("tenancy") from None


class OwnVerifier:
    """Verifies the tokens of calls to this service: by its own keys and its own database."""

    def __init__(self, *, reader: SignedTokens, liveness: Liveness, standings: Standings) -> None:
        self._reader = reader
        self._liveness = liveness
        self._standings = standings

    async def verify(self, token: str, *, audience: str) -> AccessToken:
        """Raises Unauthenticated, DependencyUnavailable.

        Unlike elsewhere a token passes while tenancy's feed is stale: what is called here concerns the person's own
        sessions, and signing out must work. New grants ask tenancy, and tokens carry the membership's epoch on.
        """
        read = self._reader.read(token)
        if audience not in read.audience:
            raise invalid()
        if not await self._liveness.of(read):
            raise revoked()
        if read.workspace is not None and self._standings.told_void(
            read.subject, read.workspace, read.membership_epoch or 0
        ):
            raise revoked()
        return read
