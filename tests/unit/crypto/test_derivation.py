from typing import Any
from uuid import UUID

import pytest

from libs.crypto.derivation import derive_reader_keys
from libs.crypto.errors import KeyInvalid
from libs.crypto.hpke import ReaderPrivateKey
from tests.support.vectors import vectors_of


@pytest.mark.parametrize("vector", vectors_of("key-derivation"))
def test_vector(vector: dict[str, Any]) -> None:
    keys = derive_reader_keys(bytes.fromhex(vector["data_key"]), vector["reader"], vector["purpose"])
    assert keys.symmetric.hex() == vector["symmetric"]
    assert keys.hpke_private.hex() == vector["hpke_private"]
    pair = ReaderPrivateKey(key_id=UUID(int=1), version=1, private=keys.hpke_private)
    assert pair.public_key().public.hex() == vector["hpke_public"]


def test_readers_and_purposes_share_no_key() -> None:
    derived = [
        derive_reader_keys(bytes(32), reader, purpose)
        for reader, purpose in [
            ("audit", "log"),
            ("auditlog", ""),
            ("", "auditlog"),
            ("audi", "tlog"),
            ("log", "audit"),
        ]
    ]
    keys = [key for pair in derived for key in pair]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_an_unfit_data_key_is_refused(size: int) -> None:
    with pytest.raises(KeyInvalid):
        derive_reader_keys(bytes(size), "audit", "log")


def test_keys_do_not_show_themselves() -> None:
    keys = derive_reader_keys(bytes(32), "audit", "log")
    assert repr(keys) == str(keys) == "ReaderKeys(…)"
