from pathlib import Path
from typing import Any

import pytest

from libs.crypto.errors import KeyInvalid, KeyVersionUnknown, SealBroken
from libs.crypto.keyring import KeyringInvalid, LocalKeyring, new_keyring
from libs.crypto.sealing import SymmetricKey
from tests.support.entropy import CountedEntropy
from tests.support.vectors import vectors_of

KEY = bytes(range(64, 96))


def keyring(*versions: int) -> LocalKeyring:
    keys = tuple(SymmetricKey(key=bytes([version]) * 32, version=version) for version in versions)
    return LocalKeyring(keys=keys, entropy=CountedEntropy())


@pytest.mark.parametrize("vector", [v for v in vectors_of("sealed-value") if v["kind"] == "wrapped key"])
async def test_vector(vector: dict[str, Any]) -> None:
    key = SymmetricKey(key=bytes.fromhex(vector["key"]), version=vector["key_version"])
    provider = LocalKeyring(keys=(key,), entropy=CountedEntropy())
    unwrapped = await provider.unwrap(bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["context"]))
    assert unwrapped.hex() == vector["plaintext"]


async def test_rotation_reads_the_old_and_writes_the_new() -> None:
    wrapped = await keyring(1).wrap(KEY, b"context")
    rotated = keyring(1, 2)
    assert await rotated.unwrap(wrapped, b"context") == KEY
    assert await keyring(2).unwrap(await rotated.wrap(KEY, b"context"), b"context") == KEY


async def test_a_removed_version_is_named() -> None:
    with pytest.raises(KeyVersionUnknown) as raised:
        await keyring(2).unwrap(await keyring(1).wrap(KEY, b"context"), b"context")
    assert raised.value.version == 1


async def test_another_context_is_refused() -> None:
    with pytest.raises(SealBroken):
        await keyring(1).unwrap(await keyring(1).wrap(KEY, b"context"), b"other")


async def test_every_changed_byte_is_refused() -> None:
    wrapped = await keyring(1).wrap(KEY, b"context")
    for position in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[position] ^= 1
        with pytest.raises((SealBroken, KeyVersionUnknown)):
            await keyring(1).unwrap(bytes(changed), b"context")


async def test_a_new_file_loads(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(new_keyring(CountedEntropy()))
    one = LocalKeyring.load(path, entropy=CountedEntropy())
    other = LocalKeyring.load(path, entropy=CountedEntropy())
    assert await other.unwrap(await one.wrap(KEY, b"context"), b"context") == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": {}}',
        '{"keys": {"1": 7}}',
        '{"keys": {"one": "AAAA"}}',
        '{"keys": {"1": "c2VjcmV0"}}',
        '{"keys": {"0": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}',
        '{"keys": {"1": "c2VjcmV0!!"}}',
        "\ufeff",
    ],
)
def test_an_unfit_file_is_named_and_not_quoted(text: str, tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    path.write_text(text)
    with pytest.raises(KeyringInvalid) as raised:
        LocalKeyring.load(path, entropy=CountedEntropy())
    assert str(raised.value).startswith(f"{path}: ")
    assert "c2VjcmV0" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyringInvalid, match="No such file"):
        LocalKeyring.load(tmp_path / "absent", entropy=CountedEntropy())


def test_a_keyring_needs_a_key() -> None:
    with pytest.raises(KeyInvalid):
        keyring()
