"""base64url: one text for some bytes."""

import itertools

import pytest

from wardenry.base64url import Base64UrlInvalid, decode, encode

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize(
    ("text", "value"),
    [("", b""), ("Zg", b"f"), ("Zm8", b"fo"), ("Zm9v", b"foo"), ("Zm9vYg", b"foob"), ("-_-_", b"\xfb\xff\xbf")],
)
def test_what_rfc_4648_writes_without_padding(text: str, value: bytes) -> None:
    assert encode(value) == text
    assert decode(text) == decode(text.encode()) == value


def test_each_byte_has_one_text() -> None:
    read = []
    for letters in itertools.product(ALPHABET, repeat=2):
        try:
            read.append(decode("".join(letters)))
        except Base64UrlInvalid:
            continue
    assert sorted(read) == [bytes([byte]) for byte in range(256)]


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "Zg==", "Zm8=", "Zh", "Zm9", "+/+/", "Zm 9v", "Zm9v\n", "Zmé", "\ud800"]
)
def test_what_is_no_text_of_ours_is_refused(text: str) -> None:
    with pytest.raises(Base64UrlInvalid):
        decode(text)
