"""The refresh token's format."""

import base64
from typing import Any
from uuid import UUID

import pytest

from services.session.domain.errors import RefreshInvalid
from services.session.domain.refresh_token import RefreshKeys, parse
from tests.support.vectors import vectors_of

VECTORS = vectors_of("refresh-token")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vectors(vector: dict[str, Any]) -> None:
    keys = RefreshKeys({vector["key_version"]: bytes.fromhex(vector["key"])})
    seed, subject, grant = bytes.fromhex(vector["seed"]), UUID(vector["subject"]), UUID(vector["grant"])
    issued = keys.issue(
        subject=subject, grant=grant, counter=vector["counter"], key_version=vector["key_version"], seed=seed
    )
    assert issued == vector["token"]
    token = parse(vector["token"])
    assert (token.subject, token.grant, token.counter) == (subject, grant, vector["counter"])
    keys.verify(token, seed=seed)


@pytest.fixture
def keys() -> RefreshKeys:
    return RefreshKeys({1: bytes([1]) * 32, 2: bytes([2]) * 32})


@pytest.fixture
def text(keys: RefreshKeys) -> str:
    return keys.issue(subject=UUID(int=1), grant=UUID(int=2), counter=3, key_version=1, seed=bytes(32))


def test_every_changed_bit_is_refused(keys: RefreshKeys, text: str) -> None:
    raw = base64.urlsafe_b64decode(text + "=")
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        forged = base64.urlsafe_b64encode(bytes(changed)).rstrip(b"=").decode()
        with pytest.raises(RefreshInvalid):
            keys.verify(parse(forged), seed=bytes(32))


def test_another_seed_or_key_is_refused(keys: RefreshKeys, text: str) -> None:
    with pytest.raises(RefreshInvalid):
        keys.verify(parse(text), seed=bytes([1]) * 32)
    with pytest.raises(RefreshInvalid):
        RefreshKeys({1: bytes([9]) * 32}).verify(parse(text), seed=bytes(32))
    with pytest.raises(RefreshInvalid):
        RefreshKeys({2: bytes([1]) * 32}).verify(parse(text), seed=bytes(32))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + "=",
        lambda text: "",
        lambda text: "+" + text[1:],
        lambda text: text[:-1] + "é",
        lambda text: text[:-1] + "\n",
        lambda text: text[:-1] + chr(ord(text[-1]) + 1),  # the two unused bits
        lambda text: "Ag" + text[2:],  # version 2
    ],
)
def test_what_has_another_form_is_refused(text: str, change: Any) -> None:
    with pytest.raises(RefreshInvalid):
        parse(change(text))


def test_a_key_file_holds_versions_in_order() -> None:
    keys = RefreshKeys.of_bytes(bytes([1]) * 32 + bytes(32) + bytes([3]) * 32)
    assert keys.current_version == 3
    for version in (1, 3):
        keys.issue(subject=UUID(int=1), grant=UUID(int=2), counter=0, key_version=version, seed=bytes(32))
    with pytest.raises(RefreshInvalid):
        keys.issue(subject=UUID(int=1), grant=UUID(int=2), counter=0, key_version=2, seed=bytes(32))


@pytest.mark.parametrize("content", [b"", bytes(32), bytes([1]) * 31, bytes([1]) * 33])
def test_a_key_file_of_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        RefreshKeys.of_bytes(content)
