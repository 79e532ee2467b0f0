"""Blind indexes: equal values are found without being readable. docs/formats/blind-index.md is the specification."""

import hashlib
import hmac
from uuid import UUID

from libs.crypto.derivation import derive_key

_LABEL = b"wardenry blind index v1"


class BlindIndex:
    """Tags of one service. Its key is the service's own, and the tags never leave their table."""

    def __init__(self, *, root_key: bytes, service: str) -> None:
        self._root_key = root_key
        self._service = service

    def tag(self, column: str, workspace: UUID, normalised: str) -> bytes:
        """HMAC-SHA-256 of the value under the key of (service, column, workspace): 32 bytes.

        Equal values of one column and workspace have equal tags, others tell nothing of one another. The caller
        normalises (case, NFC) first; libs.ids.PLATFORM stands for what belongs to no workspace.
        Raises KeyInvalid unless the root key has 32 bytes.
        """
        key = derive_key(self._root_key, _LABEL, self._service.encode(), column.encode(), workspace.bytes)
        return hmac.digest(key, normalised.encode(), hashlib.sha256)
