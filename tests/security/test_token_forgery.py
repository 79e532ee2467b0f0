"""Tokens that an attacker can make: with our public key, with keys of their own, with other tokens of ours.

Cases 1 to 4: algorithm confusion, key sources in headers, swaps of type and audience, other issuers and retired keys.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.issuer import ISSUER, Issuer, Validator, encoded, encoded_json, good_claims
from wardenry.errors.error import Unauthenticated

HEADER = {"alg": "EdDSA", "kid": "test-1", "typ": "at+jwt"}


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def validator(issuer: Issuer) -> Validator:
    return Validator(issuer)


async def assert_refused(validator: Validator, token: str, *, audience: str = "wardenry") -> None:
    with pytest.raises(Unauthenticated) as caught:
        await validator.verifier.verify(token, audience=audience)
    assert caught.value.reason_name == "REASON_TOKEN_INVALID"
    assert caught.value.message == "The access token is not good."


def signed_part(header: Mapping[str, Any], claims: Mapping[str, Any] | None = None) -> str:
    return f"{encoded_json(header)}.{encoded_json(claims or good_claims())}"


def texts_of_public_key(issuer: Issuer) -> dict[str, bytes]:
    """Every form in which the public key is about."""
    public = issuer.key.public_key()
    return {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "ssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "jwk": json.dumps(issuer.jwk).encode(),
        "raw": issuer.public,
        "base64url": encoded(issuer.public).encode(),
    }


async def test_the_issuers_own_token_is_taken(issuer: Issuer, validator: Validator) -> None:
    """Else everything below would pass for nothing."""
    await validator.verifier.verify(issuer.token(), audience="wardenry")


@pytest.mark.parametrize("form", ["pem", "der", "ssh", "jwk", "raw", "base64url"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "EdDSA"])
async def test_an_hmac_with_the_public_key_is_no_signature(
    issuer: Issuer, validator: Validator, form: str, algorithm: str
) -> None:
    digest = {"HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(algorithm, hashlib.sha256)
    signed = signed_part({**HEADER, "alg": algorithm})
    tag = hmac.new(texts_of_public_key(issuer)[form], signed.encode(), digest).digest()
    await assert_refused(validator, f"{signed}.{encoded(tag)}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, ["EdDSA"], "eddsa", "Ed25519"])
@pytest.mark.parametrize("signed", [False, True])
async def test_another_algorithm_is_refused_even_with_a_good_signature(
    issuer: Issuer, validator: Validator, algorithm: Any, signed: bool
) -> None:
    part = signed_part({**HEADER, "alg": algorithm})
    await assert_refused(validator, f"{part}.{encoded(issuer.key.sign(part.encode())) if signed else ''}")


@pytest.mark.parametrize("signature", ["", "AA", encoded(bytes(64)), encoded(bytes(63)), "=", "…"])
async def test_a_signature_of_nothing_is_refused(validator: Validator, signature: str) -> None:
    await assert_refused(validator, f"{signed_part(HEADER)}.{signature}")


async def test_a_signature_of_another_kind_of_key_is_refused(validator: Validator) -> None:
    part = signed_part(HEADER)
    curve = ec.generate_private_key(ec.SECP256R1()).sign(part.encode(), ec.ECDSA(SHA256()))
    factors = rsa.generate_private_key(65537, 2048).sign(part.encode(), PKCS1v15(), SHA256())
    longer = ed448.Ed448PrivateKey.generate().sign(part.encode())
    for signature in (curve, factors, longer):
        await assert_refused(validator, f"{part}.{encoded(signature)}")


async def test_a_changed_claim_breaks_the_signature(issuer: Issuer, validator: Validator) -> None:
    header, _, signature = issuer.token().split(".")
    await assert_refused(validator, f"{header}.{encoded_json({**good_claims(), 'role': 'owner'})}.{signature}")


ATTACKER = Issuer(key_id="test-1", seed=b"\x07" * 32)


@pytest.mark.parametrize(
    "extra",
    [
        {"jwk": ATTACKER.jwk},
        {"jku": "http://127.0.0.1:1/keys"},
        {"x5u": "http://127.0.0.1:1/chain"},
        {"x5c": [base64.b64encode(b"certificate").decode()]},
        {"x5t": "AAAA"},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ],
    ids=lambda extra: ",".join(extra),
)
async def test_a_header_that_says_more_is_refused_and_nothing_is_fetched(
    issuer: Issuer, validator: Validator, extra: dict[str, Any]
) -> None:
    await assert_refused(validator, ATTACKER.token(header=extra))
    await assert_refused(validator, issuer.token(header=extra))
    assert validator.fetches == 0


@pytest.mark.parametrize(
    "key_id",
    ["../../../../dev/null", "test-1' OR '1'='1", "http://127.0.0.1:1/", "", "test-1\x00", None, 1, ["test-1"], {}],
    ids=str,
)
async def test_a_key_id_is_a_name_in_the_key_set_and_nothing_else(validator: Validator, key_id: Any) -> None:
    await assert_refused(validator, ATTACKER.token(header={"kid": key_id}))
    assert validator.fetches <= 1


async def test_an_encrypted_token_around_an_unsigned_one_is_refused(validator: Validator) -> None:
    inner = f"{signed_part({'alg': 'none'})}."
    header = encoded_json({"alg": "dir", "enc": "A256GCM", "cty": "JWT", "kid": "test-1"})
    await assert_refused(validator, f"{header}..{encoded(bytes(12))}.{encoded(inner.encode())}.{encoded(bytes(16))}")


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a.b", "a.b.c.d", "eyJ.eyJ.", "é.è.ê", "." * 5000, "A" * 5000, "\x00.\x00.\x00"]
)
async def test_rubbish_is_refused(validator: Validator, token: str) -> None:
    await assert_refused(validator, token)


@pytest.mark.parametrize("kind", ["JWT", "jwt", "AT+JWT", "application/at+jwt", "dpop+jwt", "logout+jwt", "", None])
async def test_a_token_of_another_type_is_refused(issuer: Issuer, validator: Validator, kind: Any) -> None:
    """ID tokens, log-out tokens and proofs are signed by the same keys."""
    await assert_refused(validator, issuer.token(header={"typ": kind}))


async def test_a_token_without_a_type_is_refused(issuer: Issuer, validator: Validator) -> None:
    part = signed_part({"alg": "EdDSA", "kid": "test-1"})
    await assert_refused(validator, f"{part}.{encoded(issuer.key.sign(part.encode()))}")


@pytest.mark.parametrize("audience", ["records", "Wardenry", "wardenr", "wardenry ", "", "gateway"])
async def test_a_token_for_somebody_else_is_refused(issuer: Issuer, validator: Validator, audience: str) -> None:
    await assert_refused(validator, issuer.token(aud=[audience]))
    await assert_refused(validator, issuer.token(), audience=audience)


async def test_a_token_of_another_issuer_is_refused(validator: Validator) -> None:
    await assert_refused(validator, ATTACKER.token())
    await assert_refused(validator, Issuer(key_id="theirs", seed=b"\x08" * 32).token())


@pytest.mark.parametrize(
    "issuer_name",
    ["https://id.example.org.evil.example", "http://id.example.org", "https://ID.example.org", "", None, [ISSUER]],
)
async def test_our_key_under_another_name_is_refused(issuer: Issuer, validator: Validator, issuer_name: Any) -> None:
    """Another cell that was set up with a copied key."""
    await assert_refused(validator, issuer.token(iss=issuer_name))


async def test_a_retired_key_signs_nothing_any_more_and_a_new_one_does(issuer: Issuer, validator: Validator) -> None:
    before = issuer.token()
    await validator.verifier.verify(before, audience="wardenry")
    successor = Issuer(key_id="test-2", seed=b"\x09" * 32)
    validator.published = [issuer, successor]
    validator.clock.advance(60)
    validator.hear()
    await validator.verifier.verify(successor.token(), audience="wardenry")
    await validator.verifier.verify(before, audience="wardenry")
    validator.published = [successor]
    await validator.keys._refresh(unless_within=0)
    await assert_refused(validator, before)
    await assert_refused(validator, issuer.token(jti="0192f0c0-0000-7000-8000-0000000000ff"))
    await validator.verifier.verify(successor.token(), audience="wardenry")
