"""Page tokens: where a list goes on, authenticated, so that nobody can ask for a place that was not handed out."""

import hashlib
import hmac
from uuid import UUID

from services.session.domain.errors import PageTokenInvalid
from wardenry import base64url

_MAC_BYTES = 16


class PageTokens:
    """Tokens of one list."""

    def __init__(self, *, key: bytes) -> None:
        """`key` is this list's own."""
        self._key = key

    def make(self, after: UUID, *, subject: UUID) -> str:
        """The token of the page that begins after this row of the subject's list."""
        return base64url.encode(after.bytes + self._mac(after, subject))

    def read(self, token: str, *, subject: UUID) -> UUID:
        """The row. Raises PageTokenInvalid."""
        try:
            raw = base64url.decode(token)
            after = UUID(bytes=raw[:16])
        except ValueError:
            raise PageTokenInvalid from None
        if not hmac.compare_digest(raw[16:], self._mac(after, subject)):
            raise PageTokenInvalid
        return after

    def _mac(self, after: UUID, subject: UUID) -> bytes:
        return hmac.digest(self._key, subject.bytes + after.bytes, hashlib.sha256)[:_MAC_BYTES]
