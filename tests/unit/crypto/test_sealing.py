from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.crypto.errors import FormatUnknown, KeyInvalid, KeyVersionUnknown, SealBroken
from libs.crypto.sealing import AssociatedData, Sealer, key_version_of
from tests.support.entropy import CountedEntropy
from tests.support.vectors import vectors_of

KEY = bytes(range(32))
PLACE = AssociatedData(field="address.value", workspace=UUID(int=1), row=UUID(int=2))


def sealer(key: bytes = KEY, version: int = 1) -> Sealer:
    return Sealer(key=key, entropy=CountedEntropy(), key_version=version)


class GivenNonce:
    def __init__(self, nonce: bytes) -> None:
        self._nonce = nonce

    def bytes(self, size: int) -> bytes:
        assert size == len(self._nonce)
        return self._nonce


@pytest.mark.parametrize("vector", [v for v in vectors_of("sealed-value") if v["kind"] == "value"])
def test_vector(vector: dict[str, Any]) -> None:
    subject = Sealer(
        key=bytes.fromhex(vector["key"]),
        entropy=GivenNonce(bytes.fromhex(vector["nonce"])),
        key_version=vector["key_version"],
    )
    place = AssociatedData(field=vector["field"], workspace=UUID(vector["workspace"]), row=UUID(vector["row"]))
    sealed = bytes.fromhex(vector["sealed"])
    assert subject.seal(bytes.fromhex(vector["plaintext"]), place) == sealed
    assert subject.open(sealed, place) == bytes.fromhex(vector["plaintext"])
    assert key_version_of(sealed) == vector["key_version"]


@given(st.binary(max_size=200), st.text(max_size=20), st.uuids(), st.uuids(), st.integers(1, 2**32 - 1))
def test_round_trip(plaintext: bytes, field: str, workspace: UUID, row: UUID, version: int) -> None:
    place = AssociatedData(field=field, workspace=workspace, row=row)
    subject = sealer(version=version)
    assert subject.open(subject.seal(plaintext, place), place) == plaintext


def test_every_changed_byte_is_refused() -> None:
    subject = sealer()
    sealed = subject.seal(b"ada@example.org", PLACE)
    for position in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[position] ^= 1 << bit
            with pytest.raises((SealBroken, KeyVersionUnknown)):
                subject.open(bytes(changed), PLACE)


def test_every_cut_is_refused() -> None:
    subject = sealer()
    sealed = subject.seal(b"ada@example.org", PLACE)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            subject.open(sealed[:length], PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, field="address.valu"),
        replace(PLACE, workspace=UUID(int=3)),
        replace(PLACE, row=UUID(int=3)),
        AssociatedData(field=PLACE.field, workspace=PLACE.row, row=PLACE.workspace),
    ],
)
def test_a_value_opens_in_its_own_place_only(elsewhere: AssociatedData) -> None:
    sealed = sealer().seal(b"ada@example.org", PLACE)
    with pytest.raises(SealBroken):
        sealer().open(sealed, elsewhere)


def test_another_key_is_refused() -> None:
    with pytest.raises(SealBroken):
        sealer(bytes(32)).open(sealer().seal(b"", PLACE), PLACE)


def test_another_version_of_the_key_is_named() -> None:
    with pytest.raises(KeyVersionUnknown) as raised:
        sealer(version=2).open(sealer(version=1).seal(b"", PLACE), PLACE)
    assert raised.value.version == 1


def test_the_version_is_authenticated() -> None:
    sealed = bytearray(sealer(version=1).seal(b"", PLACE))
    sealed[1:5] = (2).to_bytes(4, "big")
    with pytest.raises(SealBroken):
        sealer(version=2).open(bytes(sealed), PLACE)


def test_another_format_is_named() -> None:
    with pytest.raises(FormatUnknown):
        sealer().open(b"\x02" + sealer().seal(b"", PLACE)[1:], PLACE)


def test_the_same_value_seals_differently_each_time() -> None:
    subject = sealer()
    assert subject.seal(b"same", PLACE) != subject.seal(b"same", PLACE)


@pytest.mark.parametrize(("key", "version"), [(bytes(31), 1), (bytes(33), 1), (KEY, 0), (KEY, 2**32)])
def test_an_unfit_key_is_refused_and_not_shown(key: bytes, version: int) -> None:
    with pytest.raises(KeyInvalid):
        sealer(key, version)
