"""Page tokens: where a list goes on, bound to the log and the filter that it belongs to."""

import hashlib
import json
from uuid import UUID

from services.audit.domain.errors import PageTokenInvalid
from wardenry import base64url
from wardenry.base64url import Base64UrlInvalid
from wardenry.log.filter import EntryFilter

_BINDING_BYTES = 16
_INDEX_BYTES = 8


def page_token(*, log: UUID, wanted: EntryFilter, before: int) -> str:
    """The token of the page that begins below index `before`. It is no secret and grants nothing."""
    data = before.to_bytes(_INDEX_BYTES, "big") + _binding(log, wanted)
    return base64url.encode(data)


def index_of(token: str, *, log: UUID, wanted: EntryFilter) -> int | None:
    """Below which index the page begins; None for the first. Raises PageTokenInvalid."""
    if not token:
        return None
    try:
        data = base64url.decode(token)
    except Base64UrlInvalid:
        raise PageTokenInvalid from None
    index = int.from_bytes(data[:_INDEX_BYTES], "big")
    if data[_INDEX_BYTES:] != _binding(log, wanted) or index >= 1 << 63:
        raise PageTokenInvalid
    return index


def _binding(log: UUID, wanted: EntryFilter) -> bytes:
    stated = json.dumps(wanted.stated(), sort_keys=True).encode()
    return hashlib.sha256(log.bytes + stated).digest()[:_BINDING_BYTES]
