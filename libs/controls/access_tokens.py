"""Judging published keys and an access token as anybody could: by the JSON Web Key Set alone."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jwt

from libs.controls.examined import Examined, Finding

#: What the control promises, seconds.
LONGEST_LIFE = 15 * 60

#: Where findings are.
_PUBLISHED, _ISSUED = "the published keys", "the issued token"
#: RFC 7518 and RFC 8037: members that only a private or symmetric key has.
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
#: Signature algorithms with a public key, by the kind of the key.
_ALGORITHMS = {
    "OKP": ("EdDSA",),
    "EC": ("ES256", "ES384", "ES512"),
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
}
_LEAST_RSA_BITS = 2048
_TYPE = "at+jwt"

Key = Mapping[str, Any]


class KeysUnreadable(ValueError):
    """What was published is no JSON Web Key Set."""


def read_keys(published: bytes) -> list[Key]:
    """The keys of a JSON Web Key Set (RFC 7517). Raises KeysUnreadable."""
    try:
        keys = json.loads(published)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise KeysUnreadable("the answer is no JSON Web Key Set") from None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise KeysUnreadable("the answer is no JSON Web Key Set")
    return keys


def judge_keys(keys: list[Key], *, known: frozenset[str] | None = None) -> Examined:
    """Whether all keys are public ones, and of the issuer, which knows those of the ids `known`; where it did not say,
    that is not judged."""
    findings = []
    for key in keys:
        where = f"key {key.get('kid', 'without an id')}"
        findings += [Finding(where, what) for what in _faults(key, known)]
    if len({key.get("kid") for key in keys}) < len(keys):
        findings.append(Finding(_PUBLISHED, "two keys have one id"))
    if not keys:
        findings.append(Finding(_PUBLISHED, "there are none"))
    kinds = sorted({f"{key.get('kty')} {key.get('crv', '')}".strip() for key in keys})
    return Examined(
        facts=(f"gateway: {len(keys)} keys published, all public ({', '.join(kinds)})",) if not findings else (),
        findings=tuple(findings),
    )


def judge_token(token: str, keys: list[Key], *, issuer: str) -> Examined:
    """Whether the token is signed with one of the keys, by `issuer`, for no longer than promised."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        return Examined(findings=(Finding(_ISSUED, "is no JWT"),))
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in {each for algorithms in _ALGORITHMS.values() for each in algorithms}:
        return Examined(findings=(Finding(_ISSUED, f"is signed with {algorithm}, which no public key verifies"),))
    key = next((key for key in keys if key.get("kid") == key_id), None)
    if key is None:
        return Examined(findings=(Finding(_ISSUED, f"is signed with key {key_id}, which is not published"),))
    try:
        # Times are judged below; nobody's audience is not ours.
        claims = jwt.decode(
            token,
            jwt.PyJWK(dict(key)).key,
            algorithms=list(_ALGORITHMS.get(str(key.get("kty")), ())),
            options={"verify_exp": False, "verify_iat": False, "verify_aud": False, "verify_nbf": False},
        )
    except (jwt.PyJWTError, ValueError) as error:
        return Examined(findings=(Finding(_ISSUED, f"is not verified by key {key_id}: {type(error).__name__}"),))
    findings = [Finding(_ISSUED, what) for what in _wrong_claims(header, claims, issuer=issuer)]
    if findings:
        return Examined(findings=tuple(findings))
    life = claims["exp"] - claims["iat"]
    return Examined(facts=(f"a token issued now: {algorithm}, its key is published, good for {life} seconds",))


def _faults(key: Key, known: frozenset[str] | None) -> Iterator[str]:
    kind = key.get("kty")
    if secret := sorted(_SECRET_MEMBERS & set(key)):
        yield f"shows what is secret ({', '.join(secret)})"
    if kind not in _ALGORITHMS:
        yield f"is of kind {kind}, which is not an asymmetric one"
        return
    if key.get("alg", _ALGORITHMS[kind][0]) not in _ALGORITHMS[kind]:
        yield f"is for {key['alg']}, which does not fit its kind"
    if key.get("use", "sig") != "sig":
        yield "is not for signatures"
    if known is not None and key.get("kid") not in known:
        yield "is published, and session does not know it"
    if kind == "RSA" and _bits(key) < _LEAST_RSA_BITS:
        yield f"has {_bits(key)} bits, fewer than {_LEAST_RSA_BITS}"


def _bits(key: Key) -> int:
    try:
        return int.from_bytes(jwt.utils.base64url_decode(str(key.get("n", "")))).bit_length()
    except ValueError:
        return 0


def _wrong_claims(header: Mapping[str, Any], claims: Mapping[str, Any], *, issuer: str) -> Iterator[str]:
    if header.get("typ") != _TYPE:
        yield f"is of type {header.get('typ')}, not {_TYPE}"
    if claims.get("iss") != issuer:
        yield f"names {claims.get('iss')} as its issuer, not {issuer}"
    issued, ends = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(ends, int):
        yield "does not say when it was issued and when it ends"
    elif not 0 < ends - issued <= LONGEST_LIFE:
        yield f"is good for {ends - issued} seconds, more than {LONGEST_LIFE}"
