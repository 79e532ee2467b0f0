"""Page tokens: where a list goes on, authenticated, so that nobody can ask for a place that was not handed out."""

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from services.session.domain.errors import PageTokenInvalid

_MAC_BYTES = 16


class PageTokens:
    """Tokens of one list."""

    def __init__(self, *, key: bytes) -> None:
        """`key` is this list's own."""
        self._key = key

    def make(self, after: UUID, *, subject: UUID) -> str:
        """The token of the page that begins after this row of the subject's list."""
        return base64.urlsafe_b64encode(after.bytes + self._mac(after, subject)).rstrip(b"=").decode()

    def read(self, token: str, *, subject: UUID) -> UUID:
        """The row. Raises PageTokenInvalid."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            after = UUID(bytes=raw[:16])
        except (binascii.Error, ValueError):
            raise PageTokenInvalid from None
        if not hmac.compare_digest(raw[16:], self._mac(after, subject)):
            raise PageTokenInvalid
        return after

    def _mac(self, after: UUID, subject: UUID) -> bytes:
        return hmac.digest(self._key, subject.bytes + after.bytes, hashlib.sha256)[:_MAC_BYTES]
