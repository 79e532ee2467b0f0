"""Warrants: a person's leave for what datarights does with their data. Format: docs/formats/warrant.md.

A warrant is no access token and an access token is no warrant: their types in the header differ, and each verifier
takes its own alone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wardenry.clock import Clock
from wardenry.errors.error import PermissionDenied, Unavailable, WardenryError
from wardenry.keys import KeysInvalid
from wardenry.signed_token import LEEWAY, Number, SignedTokenInvalid, parse

#: `typ` in the header.
WARRANT_TYPE = "warrant+jwt"
#: `aud`: every service that holds personal data.
AUDIENCE = "participants"
#: The rights that warrants are made out for.
ACCESS = "access"
RECTIFICATION = "rectification"
ERASURE = "erasure"
#: No warrant lives longer, in seconds.
LONGEST_LIFE = 3600


class _Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the payload holds, all of it, and nothing else."""

    iss: str
    aud: Literal["participants"]
    sub: UUID
    rid: UUID
    right: Literal["access", "rectification", "erasure"]
    iat: Number
    exp: Number


_DECODER = msgspec.json.Decoder(_Claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """A verified warrant: for all data of one person, in every workspace."""

    #: `sub`: the person.
    subject: UUID
    #: `rid`: the request that it was made out for.
    request: UUID
    #: `right`: ACCESS, RECTIFICATION or ERASURE.
    right: str
    #: `exp`.
    expires_at: datetime


class PublicKeys(Protocol):
    """The issuer's keys: wardenry.keys.KeySet, or the issuer's own."""

    async def find(self, key_id: str, /) -> Ed25519PublicKey | None:
        """The key; None when there is none of this id. Raises WardenryError, KeysInvalid."""
        ...


class WarrantVerifier:
    """Verifies warrants of one issuer."""

    def __init__(self, *, issuer: str, keys: PublicKeys, clock: Clock) -> None:
        self._issuer = issuer
        self._keys = keys
        self._clock = clock

    async def verify(self, warrant: str, *, subject: UUID, right: str) -> Warrant:
        """The warrant, when it is good now, for this person and this right.

        Raises PermissionDenied, which does not say what is wrong with it; Unavailable when no key can be had.
        """
        try:
            parsed = parse(warrant, kind=WARRANT_TYPE)
        except SignedTokenInvalid:
            raise _refused() from None
        try:
            key = await self._keys.find(parsed.key_id)
        except (WardenryError, KeysInvalid) as error:
            raise Unavailable("The keys of the issuer cannot be had now.") from error
        if key is None:
            raise _refused()
        try:
            found = self._judged(_DECODER.decode(parsed.payload(key)))
        except (SignedTokenInvalid, msgspec.DecodeError, ValueError, OverflowError, OSError, RecursionError):
            raise _refused() from None
        if found.subject != subject or found.right != right:
            raise _refused()
        return found

    def _judged(self, claims: _Claims) -> Warrant:
        if claims.iss != self._issuer:
            raise ValueError("another issuer's")
        now = self._clock.now().timestamp()
        if now >= claims.exp or claims.iat > now + LEEWAY or claims.exp - claims.iat > LONGEST_LIFE:
            raise ValueError("not now")
        return Warrant(
            subject=claims.sub,
            request=claims.rid,
            right=claims.right,
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
        )


def _refused() -> PermissionDenied:
    return PermissionDenied("The warrant is not good for this.")
