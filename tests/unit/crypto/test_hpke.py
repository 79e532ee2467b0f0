from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.crypto.errors import FormatUnknown, KeyInvalid, SealBroken
from libs.crypto.hpke import ReaderPrivateKey, open_with, seal_to
from libs.crypto.reader_key import ReaderPublicKey
from tests.support.vectors import vectors_of
from tests.unit.crypto import rfc9180

READER = ReaderPrivateKey(key_id=UUID(int=1), version=1, private=bytes(range(32)))
PUBLIC = READER.public_key()
INFO, AAD = b"wardenry sealed values v1", bytes(32)


@pytest.mark.parametrize("vector", vectors_of("sealed-message"))
def test_vector(vector: dict[str, Any]) -> None:
    given = {name: bytes.fromhex(text) for name, text in vector.items()}
    reader = ReaderPrivateKey(key_id=UUID(int=1), version=1, private=given["reader_private"])
    assert reader.public_key().public == given["reader_public"]
    opened = open_with(reader, info=given["info"], aad=given["associated_data"], message=given["message"])
    assert opened == given["plaintext"]
    made = rfc9180.seal(
        ephemeral_private=given["ephemeral_private"],
        public=given["reader_public"],
        info=given["hpke_info"],
        plaintext=given["plaintext"],
    )
    assert b"\x01" + made == given["message"]


@given(st.binary(max_size=300), st.binary(max_size=40), st.binary(max_size=40))
def test_round_trip(plaintext: bytes, info: bytes, aad: bytes) -> None:
    message = seal_to(PUBLIC, info=info, aad=aad, plaintext=plaintext)
    assert open_with(READER, info=info, aad=aad, message=message) == plaintext


def test_every_changed_byte_is_refused() -> None:
    message = seal_to(PUBLIC, info=INFO, aad=AAD, plaintext=b"192.0.2.7")
    for position in range(len(message)):
        for bit in range(8):
            if position == 32 and bit == 7:
                continue  # see test_the_unused_bit_of_the_ephemeral_key
            changed = bytearray(message)
            changed[position] ^= 1 << bit
            with pytest.raises(SealBroken):
                open_with(READER, info=INFO, aad=AAD, message=bytes(changed))


def test_the_unused_bit_of_the_ephemeral_key() -> None:
    """X25519 ignores the top bit of a public key (RFC 7748, section 5), but HPKE's key schedule takes in all of it."""
    message = bytearray(seal_to(PUBLIC, info=INFO, aad=AAD, plaintext=b"192.0.2.7"))
    message[32] ^= 0x80
    with pytest.raises(SealBroken):
        open_with(READER, info=INFO, aad=AAD, message=bytes(message))


def test_every_cut_is_refused() -> None:
    message = seal_to(PUBLIC, info=INFO, aad=AAD, plaintext=b"192.0.2.7")
    for length in range(len(message)):
        with pytest.raises(SealBroken):
            open_with(READER, info=INFO, aad=AAD, message=message[:length])


@pytest.mark.parametrize(("info", "aad"), [(INFO, b""), (b"", AAD), (INFO + AAD, b""), (INFO[:-1], INFO[-1:] + AAD)])
def test_a_message_opens_for_its_own_use_only(info: bytes, aad: bytes) -> None:
    message = seal_to(PUBLIC, info=INFO, aad=AAD, plaintext=b"192.0.2.7")
    with pytest.raises(SealBroken):
        open_with(READER, info=info, aad=aad, message=message)


def test_another_reader_opens_nothing() -> None:
    other = ReaderPrivateKey(key_id=READER.key_id, version=1, private=bytes(range(1, 33)))
    with pytest.raises(SealBroken):
        open_with(other, info=INFO, aad=AAD, message=seal_to(PUBLIC, info=INFO, aad=AAD, plaintext=b""))


def test_another_suite_is_named() -> None:
    message = seal_to(PUBLIC, info=INFO, aad=AAD, plaintext=b"")
    with pytest.raises(FormatUnknown):
        open_with(READER, info=INFO, aad=AAD, message=b"\x02" + message[1:])


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes(32), b"\x01" + bytes(31)])
def test_an_unfit_public_key_is_refused(public: bytes) -> None:
    with pytest.raises(KeyInvalid):
        seal_to(ReaderPublicKey(key_id=UUID(int=1), version=1, public=public), info=INFO, aad=AAD, plaintext=b"")


def test_a_private_key_does_not_show_itself() -> None:
    assert READER.private.hex() not in repr(READER)
    assert repr(READER.private) not in repr(READER)
