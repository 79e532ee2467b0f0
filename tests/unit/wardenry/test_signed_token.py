"""Taking signed tokens apart: one spelling, three parts, one algorithm."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.issuer import Issuer, encoded
from wardenry.signed_token import LONGEST, SignedTokenInvalid, parse

ISSUER = Issuer()
TOKEN = ISSUER.token()
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(".")


def signed(header: bytes) -> str:
    """A token with a good signature over a header as it is written here."""
    part = f"{encoded(header)}.{PAYLOAD}"
    return f"{part}.{encoded(ISSUER.key.sign(part.encode()))}"


def test_a_token_is_what_its_key_signed() -> None:
    parsed = parse(TOKEN, kind="at+jwt")
    assert parsed.key_id == ISSUER.key_id
    assert encoded(parsed.payload(ISSUER.key.public_key())) == PAYLOAD
    with pytest.raises(SignedTokenInvalid):
        parsed.payload(Ed25519PrivateKey.generate().public_key())


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("letter", ["=", "+", "/", " ", "\n", "!", "é", "\x00", "%2D"])
@pytest.mark.parametrize("place", ["before", "inside", "after"])
def test_a_letter_of_no_base64url_is_refused_wherever_it_stands(part: int, letter: str, place: str) -> None:
    parts = TOKEN.split(".")
    at = {"before": 0, "inside": len(parts[part]) // 2, "after": len(parts[part])}[place]
    parts[part] = parts[part][:at] + letter + parts[part][at:]
    with pytest.raises(SignedTokenInvalid):
        parse(".".join(parts), kind="at+jwt").payload(ISSUER.key.public_key())


def test_the_bits_that_no_byte_takes_are_zeros() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    taken = []
    for letter in alphabet:
        try:
            taken.append(parse(TOKEN[:-1] + letter, kind="at+jwt").payload(ISSUER.key.public_key()))
        except SignedTokenInvalid:
            continue
    assert len(taken) == 1


@pytest.mark.parametrize("payload", [b"{}", b"{ }", b"{  }"], ids=["3 over", "none over", "2 over"])
def test_a_signed_payload_has_one_spelling_too(payload: bytes) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    taken = []
    for letter in alphabet:
        part = f"{HEADER}.{encoded(payload)[:-1]}{letter}"
        token = f"{part}.{encoded(ISSUER.key.sign(part.encode()))}"
        try:
            taken.append(parse(token, kind="at+jwt").payload(ISSUER.key.public_key()))
        except SignedTokenInvalid:
            continue
    assert taken.count(payload) == 1
    assert len(set(taken)) == len(taken)


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("part", range(3))
def test_a_part_that_lacks_letters_at_its_end_is_refused(part: int, length: int) -> None:
    parts = TOKEN.split(".")
    parts[part] = parts[part][:-length]
    with pytest.raises(SignedTokenInvalid):
        parse(".".join(parts), kind="at+jwt").payload(ISSUER.key.public_key())


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"EdDSA","kid":"test-1"}',
        b'{"alg":"EdDSA","kid":1,"typ":"at+jwt"}',
        b'{"alg":"none","kid":"test-1","typ":"at+jwt"}',
        b'{"alg":"EdDSA","kid":"test-1","typ":"at+jwt","jku":"https://evil.example"}',
        b'{"alg":"EdDSA","kid":"test-1","typ":"warrant+jwt"}',
        b'["EdDSA","test-1","at+jwt"]',
        b'{"alg":"EdDSA","kid":"test-1","typ":"at+jwt"} {}',
        b"",
        b"\xff",
        b'{"alg":"EdDSA","kid":"\xff","typ":"at+jwt"}',
        b'{"alg":"EdDSA","kid":"\xed\xa0\x80","typ":"at+jwt"}',
        b'{"alg":"EdDSA","kid":"\\ud800","typ":"at+jwt"}',
        b'{"\xff":"EdDSA","kid":"test-1","typ":"at+jwt"}',
        b'{"alg":"EdDSA","kid":' + b"[" * 1_500 + b"]" * 1_500 + b',"typ":"at+jwt"}',
    ],
)
def test_another_header_is_refused_although_it_is_signed(header: bytes) -> None:
    with pytest.raises(SignedTokenInvalid):
        parse(signed(header), kind="at+jwt")


def test_nothing_longer_than_the_limit_is_looked_at() -> None:
    assert parse(signed(b'{"alg":"EdDSA","kid":"test-1","typ":"at+jwt"}'), kind="at+jwt")
    with pytest.raises(SignedTokenInvalid):
        parse(TOKEN + "A" * LONGEST, kind="at+jwt")


@pytest.mark.parametrize("token", ["", ".", "..", "...", f"{HEADER}.{PAYLOAD}", f"{TOKEN}.{SIGNATURE}", f".{TOKEN}"])
def test_other_than_three_parts_are_refused(token: str) -> None:
    with pytest.raises(SignedTokenInvalid):
        parse(token, kind="at+jwt")
