"""The key provider: wraps keys under a key that never leaves it, or, in the local profile, under one in a file."""

import base64
import binascii
import json
from pathlib import Path
from typing import Any, Protocol, Self

from libs.config.secret import SecretInvalid
from libs.crypto.errors import KeyInvalid, KeyVersionUnknown
from libs.crypto.sealing import KEY_BYTES, SymmetricKey, key_version_of, open_bytes, seal_bytes
from libs.ids import Entropy
from wardenry.framing import frame

_LABEL = b"wardenry wrapped key v1"
_VERSION_BYTES = 4


class KeyProvider(Protocol):
    """Keeps the root of the key hierarchy: the region's key.

    `context` says what the wrapped key is for (framed: kind, ids); unwrapping under another context fails. Providers
    may be remote, so callers keep no lock and no transaction open across a call.
    """

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """The key, sealed under the current version."""
        ...

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key that was wrapped for this context, under whichever version.

        Raises KeyVersionUnknown when that version was removed, SealBroken when wrapped bytes or context differ.
        """
        ...


class KeyringInvalid(SecretInvalid):
    """The keyring file cannot be used. The message names the file and what is wrong, never a key."""


class LocalKeyring:
    """A key provider in a file; the highest version in it is current. docs/formats/key-derivation.md shows the file."""

    def __init__(self, *, keys: tuple[SymmetricKey, ...], entropy: Entropy) -> None:
        """Raises KeyInvalid without a key, or with two of one version."""
        self._keys = {key.version: key for key in keys}
        if not self._keys or len(self._keys) != len(keys):
            raise KeyInvalid("a keyring has at least one key, and one of each version")
        self._current = self._keys[max(self._keys)]
        self._entropy = entropy

    @classmethod
    def load(cls, path: Path, *, entropy: Entropy) -> Self:
        """Reads the file. Raises KeyringInvalid."""
        try:
            document: Any = json.loads(path.read_bytes())
            keys = tuple(
                SymmetricKey(key=base64.b64decode(encoded, validate=True), version=int(version))
                for version, encoded in document["keys"].items()
            )
            return cls(keys=keys, entropy=entropy)
        except OSError as error:
            raise KeyringInvalid(f"{path}: {error.strerror}") from None
        except KeyInvalid as error:
            raise KeyringInvalid(f"{path}: {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            # Without the cause: a parser's message may quote what it read.
            raise KeyringInvalid(f'{path}: not of the form {{"keys": {{"1": "<32 bytes in base64>"}}}}') from None

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        authenticated = _authenticated(context, self._current.version)
        return seal_bytes(self._current, key, authenticated=authenticated, entropy=self._entropy)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        version = key_version_of(wrapped)
        if (key := self._keys.get(version)) is None:
            raise KeyVersionUnknown(version)
        return open_bytes(key, wrapped, authenticated=_authenticated(context, version))


def new_keyring(entropy: Entropy) -> str:
    """The text of a keyring file with one new key of version 1."""
    return json.dumps({"keys": {"1": base64.b64encode(entropy.bytes(KEY_BYTES)).decode()}}) + "\n"


def _authenticated(context: bytes, version: int) -> bytes:
    return frame(_LABEL, context, version.to_bytes(_VERSION_BYTES, "big"))
