"""Signed tokens of the issuer: JWS compact serialization (RFC 7515), Ed25519 alone (RFC 8037), one form of header.

A token is read on every call that a service takes, so this does no more than that: no algorithm is chosen by the token,
and nothing in it says where a key is to be found.
"""

from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wardenry.base64url import Base64UrlInvalid, decode

#: Longer ones are not looked at, characters.
LONGEST = 4096
#: Seconds by which the issuer's clock and ours may differ.
LEEWAY = 5

#: A count, or a time in seconds since 1970.
Number = Annotated[int, msgspec.Meta(ge=0)]


class SignedTokenInvalid(Exception):
    """No token of this kind, or not signed by this key."""


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a header may hold. Whatever else there is (jku, jwk, x5c, x5u, crit, b64, …) would tell us where to find
    a key, or how to read."""

    alg: Literal["EdDSA"]
    kid: str
    typ: str


class SignedToken(msgspec.Struct, frozen=True, gc=False):
    """A token that was taken apart. Nothing of it is to be believed before `payload`."""

    key_id: str
    #: Header and payload as they were sent, and the latter alone.
    signed: bytes
    encoded: bytes
    signature: bytes

    def payload(self, key: Ed25519PublicKey) -> bytes:
        """The payload, JSON, that this key signed. Raises SignedTokenInvalid."""
        try:
            key.verify(self.signature, self.signed)
        except InvalidSignature:
            raise SignedTokenInvalid("the signature is not by this key") from None
        return _decoded(self.encoded)


def parse(token: str, *, kind: str) -> SignedToken:
    """The parts of a token whose `typ` is `kind`. Raises SignedTokenInvalid."""
    if len(token) > LONGEST or not token.isascii():
        raise SignedTokenInvalid("too long, or not in letters that tokens are written in")
    signed, _, signature = token.encode().rpartition(b".")
    header, dot, payload = signed.partition(b".")
    if not dot or b"." in payload:
        raise SignedTokenInvalid("a signed token has three parts")
    found = _header(header)
    if found.typ != kind:
        raise SignedTokenInvalid("a token of another kind")
    return SignedToken(found.kid, signed, payload, _decoded(signature))


@lru_cache(maxsize=64)
def _header(part: bytes) -> _Header:
    # An issuer writes one header for each of its keys.
    try:
        return msgspec.json.decode(_decoded(part), type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The decoder raises Python's own error for text that is no UTF-8.
        raise SignedTokenInvalid("another header than {alg, kid, typ} as we write it") from None


def _decoded(part: bytes) -> bytes:
    try:
        return decode(part)
    except Base64UrlInvalid as error:
        raise SignedTokenInvalid(str(error)) from None
