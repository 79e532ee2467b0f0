"""Sealing of values at rest with AES-256-GCM. docs/formats/sealed-value.md is the specification.

A sealed value opens only in its own place: field, workspace and row are authenticated with it, so that a value copied
to another row, column or workspace is refused instead of shown.
"""

from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.crypto.errors import FormatUnknown, KeyInvalid, KeyVersionUnknown, SealBroken
from libs.ids import Entropy
from wardenry.framing import frame

KEY_BYTES = 32
_FORMAT = 1
_VERSION_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER_BYTES = 1 + _VERSION_BYTES
_VALUE_LABEL = b"wardenry sealed value v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociatedData:
    """The place that a value belongs to."""

    #: Name of the column or field, unique in the database: "address.value".
    field: str
    #: The workspace; libs.ids.PLATFORM for what belongs to none.
    workspace: UUID
    #: The row or event.
    row: UUID


class Sealer:
    """Seals under one version of one key.

    A key may seal 2**32 values before random nonces become likely to repeat (NIST SP 800-38D, 8.3); keys of one
    subject and workspace stay far below.
    """

    def __init__(self, *, key: bytes, entropy: Entropy, key_version: int = 1) -> None:
        """Raises KeyInvalid unless the key has 32 bytes."""
        self._key = SymmetricKey(key=key, version=key_version)
        self._entropy = entropy

    def seal(self, plaintext: bytes, aad: AssociatedData) -> bytes:
        """The plaintext, encrypted and bound to its place."""
        return seal_bytes(
            self._key, plaintext, authenticated=_authenticated(aad, self._key.version), entropy=self._entropy
        )

    def open(self, sealed: bytes, aad: AssociatedData) -> bytes:
        """What was sealed for this place.

        Raises FormatUnknown, KeyVersionUnknown when another version of the key is needed, SealBroken otherwise.
        """
        return open_bytes(self._key, sealed, authenticated=_authenticated(aad, self._key.version))


@dataclass(frozen=True, slots=True, kw_only=True)
class SymmetricKey:
    """An AES-256 key and its version, from 1."""

    key: bytes = field(repr=False)
    version: int

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise KeyInvalid(f"a key has {KEY_BYTES} bytes, this one {len(self.key)}")
        if not 1 <= self.version < 2 ** (8 * _VERSION_BYTES):
            raise KeyInvalid(f"{self.version} is no key version")


def key_version_of(sealed: bytes) -> int:
    """The version of the key that sealed these bytes. It is not authenticated before they are opened.

    Raises FormatUnknown, SealBroken.
    """
    if len(sealed) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES:
        raise SealBroken("too short for a sealed value")
    if sealed[0] != _FORMAT:
        raise FormatUnknown(f"no format {sealed[0]} of sealed values is known")
    return int.from_bytes(sealed[1:_HEADER_BYTES], "big")


def seal_bytes(key: SymmetricKey, plaintext: bytes, *, authenticated: bytes, entropy: Entropy) -> bytes:
    """Format, key version, nonce, ciphertext and tag; `authenticated` is bound and not stored."""
    nonce = entropy.bytes(_NONCE_BYTES)
    header = bytes([_FORMAT]) + key.version.to_bytes(_VERSION_BYTES, "big")
    return header + nonce + AESGCM(key.key).encrypt(nonce, plaintext, authenticated)


def open_bytes(key: SymmetricKey, sealed: bytes, *, authenticated: bytes) -> bytes:
    """The reverse of `seal_bytes`.

    Raises FormatUnknown, KeyVersionUnknown, SealBroken.
    """
    version = key_version_of(sealed)
    if version != key.version:
        raise KeyVersionUnknown(version)
    nonce = sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
    try:
        return AESGCM(key.key).decrypt(nonce, sealed[_HEADER_BYTES + _NONCE_BYTES :], authenticated)
    except InvalidTag:
        raise SealBroken("the value was not sealed by this key for this place") from None


def _authenticated(aad: AssociatedData, key_version: int) -> bytes:
    return frame(
        _VALUE_LABEL,
        aad.field.encode(),
        aad.workspace.bytes,
        aad.row.bytes,
        key_version.to_bytes(_VERSION_BYTES, "big"),
    )
