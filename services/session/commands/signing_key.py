"""The signing keys of this process, and their rotation."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.crypto.keyring import KeyProvider
from libs.ids import Entropy
from services.session.domain.ports import SigningKeyRotation, SigningKeys
from services.session.domain.signing_key import KeyState, SigningKey, plan
from wardenry import base64url
from wardenry.framing import frame

_LABEL = b"wardenry signing key v1"
_KEY_BYTES = 32


class SigningKeyMissing(Exception):
    """There is no current signing key yet: the rotation job has not run."""


@dataclass(frozen=True, slots=True)
class Signer:
    """The current key."""

    key_id: str
    private: Ed25519PrivateKey


class SigningKeySet:
    """What this process signs and verifies with. `reload` brings it up to date."""

    def __init__(self, *, keys: SigningKeys, provider: KeyProvider) -> None:
        self._keys = keys
        self._provider = provider
        self._signer: Signer | None = None
        # None, and not empty, before the first read: "no key is good" would turn good tokens away while we start.
        self._public: Mapping[str, bytes] | None = None
        self._jwks = ""

    @property
    def loaded(self) -> bool:
        """Whether there is a key to sign with."""
        return self._signer is not None

    @property
    def signer(self) -> Signer:
        """Raises SigningKeyMissing."""
        if self._signer is None:
            raise SigningKeyMissing
        return self._signer

    @property
    def public(self) -> Mapping[str, bytes]:
        """Ed25519 public keys by key id: next, current, and those whose tokens may live. Raises SigningKeyMissing."""
        if self._public is None:
            raise SigningKeyMissing
        return self._public

    async def find(self, key_id: str, /) -> Ed25519PublicKey | None:
        """One of them (wardenry.warrants.PublicKeys). Raises SigningKeyMissing."""
        public = self.public.get(key_id)
        return None if public is None else Ed25519PublicKey.from_public_bytes(public)

    @property
    def jwks(self) -> str:
        """The same as a JSON Web Key Set (RFC 7517, RFC 8037). Raises SigningKeyMissing."""
        if self._public is None:
            raise SigningKeyMissing
        return self._jwks

    async def reload(self) -> None:
        """Reads the stored keys. Raises SigningKeyMissing, and what store and key provider raise; then all stays."""
        stored, _ = await self._keys.all()
        current = next((key for key in stored if key.state is KeyState.CURRENT), None)
        if current is None:
            raise SigningKeyMissing
        if self._signer is None or self._signer.key_id != current.key_id:
            private = await self._provider.unwrap(current.private_wrapped, wrapping_context(current.key_id))
            self._signer = Signer(current.key_id, Ed25519PrivateKey.from_private_bytes(private))
        self._public = {key.key_id: key.public for key in stored}
        self._jwks = json.dumps({"keys": [jwk(key) for key in stored]}, separators=(",", ":"))


class RotateSigningKeys:
    """Makes, advances and forgets keys, as their ages ask for."""

    def __init__(
        self,
        *,
        rotation: SigningKeyRotation,
        provider: KeyProvider,
        entropy: Entropy,
        period: timedelta,
        token_life: timedelta,
    ) -> None:
        """`period` is how long a key signs; `token_life` the longest life of what it signed."""
        self._rotation = rotation
        self._provider = provider
        self._entropy = entropy
        self._period = period
        self._token_life = token_life

    async def __call__(self) -> bool:
        """Does what is due; answers whether anything was."""
        # The key provider may be remote, so new keys are wrapped before the transaction; unused ones are dropped.
        first, second = await self._new(KeyState.CURRENT), await self._new(KeyState.NEXT)
        async with self._rotation.begin() as change:
            stored, now = await change.all()
            due = plan(stored, now=now, period=self._period, token_life=self._token_life)
            if due.begin:
                await change.add(first)
            if due.advance:
                await change.advance()
            if due.prepare:
                await change.add(second)
            if due.forget:
                await change.forget(due.forget)
        return due.begin or due.advance or due.prepare or bool(due.forget)

    async def _new(self, state: KeyState) -> SigningKey:
        private = self._entropy.bytes(_KEY_BYTES)
        public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
        key_id = thumbprint(public)
        return SigningKey(
            key_id=key_id,
            state=state,
            public=public,
            private_wrapped=await self._provider.wrap(private, wrapping_context(key_id)),
        )


def jwk(key: SigningKey) -> dict[str, str]:
    """The public key as RFC 8037 writes it."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": base64url.encode(key.public),
        "kid": key.key_id,
        "use": "sig",
        "alg": "EdDSA",
    }


def thumbprint(public: bytes) -> str:
    """The JWK thumbprint (RFC 7638) of an Ed25519 public key."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{base64url.encode(public)}"}}'
    return base64url.encode(hashlib.sha256(canonical.encode()).digest())


def wrapping_context(key_id: str) -> bytes:
    """What a wrapped private key is bound to."""
    return frame(_LABEL, key_id.encode())
