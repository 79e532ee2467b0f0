"""Published keys and an issued token, judged from outside; every defect that there may be is made and found."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from libs.controls.access_tokens import KeysUnreadable, judge_keys, judge_token, read_keys
from libs.controls.examined import Finding

ISSUER = "https://localhost:8443"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
NOW = int(datetime(2031, 5, 6, tzinfo=UTC).timestamp())
KNOWN = frozenset({"one"})
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point


def jwk(
    private: Any = PRIVATE, *, kid: str = "one", algorithm: Any = OKPAlgorithm, **members: object
) -> dict[str, Any]:
    """The public key of a private one, as session publishes its own; `members` are added."""
    return {**algorithm.to_jwk(private.public_key(), as_dict=True), "kid": kid, "use": "sig", **members}


def token(
    *, key: Any = PRIVATE, algorithm: str = "EdDSA", header: Mapping[str, str] | None = None, **claims: object
) -> str:
    """A good token, but for what is given."""
    body = {"iss": ISSUER, "aud": ["nobody.invalid"], "iat": NOW, "exp": NOW + 900, **claims}
    return jwt.encode(body, key, algorithm=algorithm, headers={"kid": "one", "typ": "at+jwt", **(header or {})})


def test_good_keys_are_counted() -> None:
    examined = judge_keys(read_keys(json.dumps({"keys": [jwk()]}).encode()), known=KNOWN)
    assert examined.findings == ()
    assert examined.facts == ("gateway: 1 keys published, all public (OKP Ed25519)",)


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "one"}, "is of kind oct, which is not an asymmetric one"),
        (OKPAlgorithm.to_jwk(PRIVATE, as_dict=True) | {"kid": "one"}, "shows what is secret (d)"),
        (jwk(kid="two"), "is published, and session does not know it"),
        (jwk(alg="HS256"), "is for HS256, which does not fit its kind"),
        (jwk(use="enc"), "is not for signatures"),
        (
            jwk(SHORT, algorithm=RSAAlgorithm),
            "has 1024 bits, fewer than 2048",
        ),
    ],
    ids=["symmetric", "private", "unknown", "symmetric algorithm", "for encryption", "short"],
)
def test_a_key_that_must_not_be_published_is_found(key: dict[str, Any], what: str) -> None:
    examined = judge_keys([key], known=KNOWN)
    assert Finding(f"key {key['kid']}", what) in examined.findings
    assert examined.facts == ()


def test_a_set_without_keys_or_with_one_twice_is_found() -> None:
    assert judge_keys([], known=KNOWN).findings == (Finding("the published keys", "there are none"),)
    twice = judge_keys([jwk(), jwk(OTHER)], known=KNOWN)
    assert twice.findings == (Finding("the published keys", "two keys have one id"),)


@pytest.mark.parametrize(
    "published", [b"", b"<html>", b"[]", b'{"keys": 1}', b'{"keys": [1]}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_key_set_is_told_as_such(published: bytes) -> None:
    with pytest.raises(KeysUnreadable):
        read_keys(published)


def test_a_good_token_is_told_with_its_life() -> None:
    examined = judge_token(token(), [jwk()], issuer=ISSUER)
    assert examined.findings == ()
    assert examined.facts == ("a token issued now: EdDSA, its key is published, good for 900 seconds",)


@pytest.mark.parametrize(
    ("issued", "what"),
    [
        (token(exp=NOW + 960), "is good for 960 seconds, more than 900"),
        (token(exp=NOW), "is good for 0 seconds, more than 900"),
        (token(exp=None), "does not say when it was issued and when it ends"),
        (token(exp=f"{NOW + 900}"), "does not say when it was issued and when it ends"),
        (token(iss="https://elsewhere"), f"names https://elsewhere as its issuer, not {ISSUER}"),
        (token(header={"typ": "JWT"}), "is of type JWT, not at+jwt"),
        (token(header={"kid": "two"}), "is signed with key two, which is not published"),
        (token(key=OTHER), "is not verified by key one: InvalidSignatureError"),
        (token(key="s" * 32, algorithm="HS256"), "is signed with HS256, which no public key verifies"),
        (token(key=None, algorithm="none"), "is signed with none, which no public key verifies"),
        ("a.b", "is no JWT"),
    ],
    ids=lambda value: value if not value.startswith("ey") else "",
)
def test_a_token_that_is_not_as_promised_is_found(issued: str, what: str) -> None:
    examined = judge_token(issued, [jwk()], issuer=ISSUER)
    assert examined.findings == (Finding("the issued token", what),)
    assert examined.facts == ()


def test_a_token_that_claims_the_algorithm_of_another_kind_of_key_is_found() -> None:
    ec = generate_private_key(SECP256R1())
    examined = judge_token(token(key=ec, algorithm="ES256"), [jwk()], issuer=ISSUER)
    assert examined.findings
    assert judge_token(token(key=ec, algorithm="ES256"), [jwk(ec, algorithm=ECAlgorithm)], issuer=ISSUER).facts
