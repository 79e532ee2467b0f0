"""The refresh token. docs/formats/refresh-token.md is the specification.

It names a grant and a counter, and proves by a MAC that this service issued it. The MAC key comes from a key of the
server and a seed in the grant's row, so that neither a stolen database nor a stolen key file alone forges one. The
same grant, counter and keys give the same token: a retry is answered with it without its ever being stored.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from libs.crypto.derivation import KEY_BYTES, derive_key
from services.session.domain.errors import RefreshInvalid
from wardenry import base64url
from wardenry.base64url import Base64UrlInvalid

_VERSION = 1
_LABEL = b"wardenry refresh token v1"
_MAC_BYTES = 32
_BODY_BYTES = 1 + 4 + 16 + 16 + 8
#: Characters of base64url without padding.
_TEXT_LENGTH = 103
#: MAC keys kept in memory.
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """What a presented token says. Nothing of it is believed before `RefreshKeys.verify`."""

    key_version: int
    subject: UUID
    grant: UUID
    counter: int
    mac: bytes = field(repr=False)


def parse(text: str) -> RefreshToken:
    """The parts of a token. Raises RefreshInvalid for anything that was not made by `RefreshKeys.issue`'s layout."""
    if len(text) != _TEXT_LENGTH:
        raise RefreshInvalid
    try:
        raw = base64url.decode(text)
    except Base64UrlInvalid:
        raise RefreshInvalid from None
    if raw[0] != _VERSION:
        raise RefreshInvalid
    return RefreshToken(
        key_version=int.from_bytes(raw[1:5], "big"),
        subject=UUID(bytes=raw[5:21]),
        grant=UUID(bytes=raw[21:37]),
        counter=int.from_bytes(raw[37:45], "big"),
        mac=raw[_BODY_BYTES:],
    )


class RefreshKeys:
    """The server's keys for refresh tokens, by version from 1; the highest is current."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        """Raises ValueError without a key, or for one that has not 32 bytes."""
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"at least one key of {KEY_BYTES} bytes is needed, and none of another length")
        self._keys = dict(keys)
        self.current_version = max(self._keys)
        # Each refresh needs its grant's twice, to check one token and to make the next.
        self._mac_key = lru_cache(maxsize=_REMEMBERED)(self._derived_mac_key)

    @classmethod
    def of_bytes(cls, content: bytes) -> "RefreshKeys":
        """From the key file: 32 bytes for each version, in order; 32 zero bytes stand for one that was withdrawn.

        Raises ValueError.
        """
        if len(content) % KEY_BYTES:
            raise ValueError(f"the length must be a multiple of {KEY_BYTES} bytes")
        keys = {
            start // KEY_BYTES + 1: content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES)
        }
        return cls({version: key for version, key in keys.items() if any(key)})

    def issue(self, *, subject: UUID, grant: UUID, counter: int, key_version: int, seed: bytes) -> str:
        """The token of a grant's counter under a version of the key: the same arguments give the same token.

        Raises RefreshInvalid when the version was withdrawn.
        """
        body = _body(key_version, subject, grant, counter)
        return base64url.encode(body + self._mac(key_version, seed, body))

    def verify(self, token: RefreshToken, *, seed: bytes) -> None:
        """Returns when this service issued the token for the grant of this seed. Raises RefreshInvalid."""
        body = _body(token.key_version, token.subject, token.grant, token.counter)
        if not hmac.compare_digest(self._mac(token.key_version, seed, body), token.mac):
            raise RefreshInvalid

    def derived(self, label: bytes) -> bytes:
        """A key for another use, under the current version."""
        return derive_key(self._keys[self.current_version], label)

    def _mac(self, key_version: int, seed: bytes, body: bytes) -> bytes:
        return hmac.digest(self._mac_key(key_version, seed), body, hashlib.sha256)

    def _derived_mac_key(self, key_version: int, seed: bytes) -> bytes:
        if (key := self._keys.get(key_version)) is None:
            raise RefreshInvalid
        return derive_key(key, _LABEL, seed)


def _body(key_version: int, subject: UUID, grant: UUID, counter: int) -> bytes:
    parts: Sequence[bytes] = (
        bytes([_VERSION]),
        key_version.to_bytes(4, "big"),
        subject.bytes,
        grant.bytes,
        counter.to_bytes(8, "big"),
    )
    return b"".join(parts)
