"""The public keys that access tokens are signed with, by their id."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wardenry import base64url
from wardenry.clock import Clock
from wardenry.errors.error import WardenryError

#: An unknown key id makes us ask again at most this often, whoever sends what.
LEAST_SECONDS_BETWEEN_FETCHES = 5.0
#: When the issuer did not answer, callers are told so for this long, instead of each waiting for it in turn.
SECONDS_AFTER_FAILURE = 1.0
#: A key that was removed is forgotten after this long at the latest.
SECONDS_BETWEEN_REFRESHES = timedelta(seconds=60).total_seconds()
_KEY_BYTES = 32


class KeysInvalid(Exception):
    """What the issuer answered is no JSON Web Key Set."""


def parse_jwks(jwks: str) -> dict[str, Ed25519PublicKey]:
    """The Ed25519 signing keys of a JSON Web Key Set (RFC 7517, RFC 8037). Others are left out: we check with none of
    them.

    Raises KeysInvalid.
    """
    try:
        entries = json.loads(jwks)["keys"]
        return {
            entry["kid"]: _public_key(entry["x"])
            for entry in entries
            if entry.get("kty") == "OKP" and entry.get("crv") == "Ed25519" and entry.get("use", "sig") == "sig"
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise KeysInvalid("not a JSON Web Key Set") from error


def _public_key(x: str) -> Ed25519PublicKey:
    raw = base64url.decode(x)
    if len(raw) != _KEY_BYTES:
        raise ValueError("an Ed25519 key has 32 bytes")
    return Ed25519PublicKey.from_public_bytes(raw)


class KeySet:
    """The issuer's keys, fetched when an unknown one is asked for and at intervals while `run` runs."""

    def __init__(self, *, fetch: Callable[[], Awaitable[str]], clock: Clock) -> None:
        """`fetch` returns the JSON Web Key Set: TokenService.GetKeys, or the issuer's own store."""
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._asked_at = float("-inf")
        #: Why the last question brought no keys.
        self._failure: WardenryError | KeysInvalid | None = None
        self._one_at_a_time = asyncio.Lock()

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    async def find(self, key_id: str, /) -> Ed25519PublicKey | None:
        """The key; None when the issuer has no such key. Raises WardenryError when it cannot be asked."""
        if key_id not in self._keys:
            await self._refresh(unless_within=LEAST_SECONDS_BETWEEN_FETCHES)
        return self._keys.get(key_id)

    async def run(self) -> None:
        """Keeps the keys current, for ever. What cannot be fetched now is fetched next time."""
        while True:
            try:
                await self._refresh(unless_within=0.0)
            except (WardenryError, KeysInvalid):
                await asyncio.sleep(LEAST_SECONDS_BETWEEN_FETCHES)
            else:
                await asyncio.sleep(SECONDS_BETWEEN_REFRESHES)

    async def _refresh(self, *, unless_within: float) -> None:
        async with self._one_at_a_time:
            since = self._clock.monotonic() - self._asked_at
            if self._failure is not None and since < min(unless_within, SECONDS_AFTER_FAILURE):
                raise self._failure.with_traceback(None)
            if self._failure is None and since < unless_within:
                return
            try:
                self._keys = parse_jwks(await self._fetch())
            except (WardenryError, KeysInvalid) as error:
                self._failure = error
                raise
            else:
                self._failure = None
            finally:
                self._asked_at = self._clock.monotonic()
