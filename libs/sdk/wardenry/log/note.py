"""Signed notes, as in C2SP signed-note (https://c2sp.org/signed-note), with Ed25519 keys.

A note is text and, after an empty line, signatures. Which key made a signature is told by the key's name and the first
four bytes of a hash over name and key. Signatures of unknown keys are passed over, as the specification asks.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: The signature type of Ed25519 in signed-note.
_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_MOST_SIGNATURES = 100
_NAME = re.compile(r"[^\s+]+")
_SIGNATURE_LINE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class NoteInvalid(ValueError):
    """The text is no signed note, or a key is no key."""


class SignatureInvalid(NoteInvalid):
    """No key that is trusted signed this note, or a signature under its name is wrong."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name it signs under."""

    name: str
    #: Ed25519 public key, 32 bytes.
    public: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise NoteInvalid("the name of a key has no spaces and no plus sign")
        try:
            Ed25519PublicKey.from_public_bytes(self.public)
        except ValueError:
            raise NoteInvalid("no Ed25519 public key") from None

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """From `name+hash+key`. Raises NoteInvalid."""
        name, _, rest = text.strip().partition("+")
        digest, _, encoded = rest.partition("+")
        material = decode_base64(encoded)
        if material[:1] != _ED25519:
            raise NoteInvalid("no Ed25519 verifier key; it looks like name+0123abcd+AQ…")
        key = cls(name, material[1:])
        if digest != key.id.hex():
            raise NoteInvalid("the verifier key's hash does not fit its name and key")
        return key

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256 over name, newline, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode_base64(_ED25519 + self.public)}"


class NoteSigner:
    """Signs notes under one name."""

    def __init__(self, *, name: str, seed: bytes) -> None:
        """`seed` is the Ed25519 private key of RFC 8032, 32 bytes. Raises NoteInvalid."""
        try:
            self._private = Ed25519PrivateKey.from_private_bytes(seed)
        except ValueError:
            raise NoteInvalid("an Ed25519 seed has 32 bytes") from None
        self.key = VerifierKey(name, self._private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note. One text always gives the same one. Raises NoteInvalid for a text that cannot be one."""
        _check_text(text)
        signature = self._private.sign(text.encode())
        return f"{text}\n\u2014 {self.key.name} {encode_base64(self.key.id + signature)}\n"


def open_note(note: str, keys: Iterable[VerifierKey]) -> str:
    """The text of a note that at least one of the keys has signed.

    Raises SignatureInvalid; NoteInvalid when it is no note at all.
    """
    text, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise NoteInvalid("no signed note: text, an empty line and signatures are expected")
    text += "\n"
    _check_text(text)
    lines = block[:-1].split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise NoteInvalid(f"more than {_MOST_SIGNATURES} signatures")
    known = {(key.name, key.id): key for key in keys}
    signed = False
    for line in lines:
        match = _SIGNATURE_LINE.fullmatch(line)
        if match is None:
            raise NoteInvalid("a signature line is malformed")
        material = decode_base64(match[2])
        key = known.get((match[1], material[:_KEY_ID_BYTES]))
        if key is not None:
            _verify(key, text, material[_KEY_ID_BYTES:])
            signed = True
    if not signed:
        raise SignatureInvalid("none of the trusted keys signed it")
    return text


def encode_base64(data: bytes) -> str:
    """Base64 of RFC 4648 section 4, with padding."""
    return base64.b64encode(data).decode()


def decode_base64(text: str) -> bytes:
    """The bytes; every byte string has exactly one text. Raises NoteInvalid."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteInvalid("no base64") from None
    if encode_base64(data) != text:
        raise NoteInvalid("base64 with stray bits")
    return data


def _verify(key: VerifierKey, text: str, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except InvalidSignature:
        raise SignatureInvalid(f"the signature of {key.name} is wrong") from None


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteInvalid("the text of a note ends with a newline")
    if any(character < " " and character != "\n" for character in text):
        raise NoteInvalid("the text of a note has no control characters")
