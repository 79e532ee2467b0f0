"""Warrants: a person's leave for what datarights does with their data. Format: docs/formats/warrant.md.

A warrant is no access token and an access token is no warrant: their types in the header differ, and each verifier
takes its own alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wardenry.clock import Clock
from wardenry.errors.error import PermissionDenied, Unavailable, WardenryError
from wardenry.keys import KeysInvalid

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
#: Longer ones are not looked at.
LONGEST_WARRANT = 4096
#: Seconds by which the issuer's clock and ours may differ.
LEEWAY = 5
_ALGORITHM = "EdDSA"
_HEADER = frozenset({"alg", "kid", "typ"})
_CLAIMS = frozenset({"iss", "aud", "sub", "rid", "right", "iat", "exp"})
_RIGHTS = frozenset({ACCESS, RECTIFICATION, ERASURE})


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
        key_id = _key_id_of(warrant)
        try:
            key = await self._keys.find(key_id)
        except (WardenryError, KeysInvalid) as error:
            raise Unavailable("The keys of the issuer cannot be had now.") from error
        if key is None:
            raise _refused()
        try:
            # Times, issuer and audience are checked below: the library asks the machine for the time.
            claims = jwt.decode(
                warrant,
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
            found = self._parsed(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            raise _refused() from error
        if found.subject != subject or found.right != right:
            raise _refused()
        return found

    def _parsed(self, claims: Mapping[str, Any]) -> Warrant:
        if claims.keys() != _CLAIMS or claims["iss"] != self._issuer or claims["aud"] != AUDIENCE:
            raise ValueError("another issuer's, another audience's, or another format's")
        if claims["right"] not in _RIGHTS:
            raise ValueError("no right that warrants are made out for")
        issued, expires = _seconds(claims["iat"]), _seconds(claims["exp"])
        now = self._clock.now().timestamp()
        if now >= expires or issued > now + LEEWAY or expires - issued > LONGEST_LIFE:
            raise ValueError("not now")
        return Warrant(
            subject=_uuid(claims["sub"]),
            request=_uuid(claims["rid"]),
            right=claims["right"],
            expires_at=datetime.fromtimestamp(expires, UTC),
        )


def _key_id_of(warrant: str) -> str:
    # As for access tokens: whatever else could be in the header would tell us where to find a key, or how to read.
    if len(warrant) > LONGEST_WARRANT or warrant.count(".") != 2:
        raise _refused()
    try:
        header = jwt.get_unverified_header(warrant)
    except jwt.InvalidTokenError as error:
        raise _refused() from error
    if header.keys() != _HEADER or header["alg"] != _ALGORITHM or header["typ"] != WARRANT_TYPE:
        raise _refused()
    key_id = header["kid"]
    if not isinstance(key_id, str):
        raise _refused()
    return key_id


def _refused() -> PermissionDenied:
    return PermissionDenied("The warrant is not good for this.")


def _seconds(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("not a whole number")
    return value


def _uuid(value: object) -> UUID:
    if not isinstance(value, str):
        raise TypeError("not a text")
    parsed = UUID(value)
    if str(parsed) != value:
        raise ValueError("not a UUID in its canonical form")
    return parsed
