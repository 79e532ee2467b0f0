"""Warrants: good for one person, one right and a short time; and never an access token, nor the other way round."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.clock import HeldClock
from tests.support.issuer import ISSUER, START, Issuer, Validator, encoded, encoded_json
from tests.support.tokens import SUBJECT
from wardenry.errors.error import PermissionDenied, Unauthenticated, Unavailable, WardenryError
from wardenry.keys import KeySet
from wardenry.signed_token import LONGEST
from wardenry.warrants import ACCESS, ERASURE, WarrantVerifier

REQUEST = UUID("0192f0c0-0000-7000-8000-00000000000a")
OTHER = UUID("0192f0c0-0000-7000-8000-00000000000b")
VECTORS: dict[str, Any] = json.loads(Path("tests/testdata/formats/warrant.json").read_text(encoding="utf-8"))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(START.timestamp())
    good = {
        "iss": ISSUER,
        "aud": "participants",
        "sub": str(SUBJECT),
        "rid": str(REQUEST),
        "right": "access",
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def warrant(issuer: Issuer, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    head = {"alg": "EdDSA", "kid": issuer.key_id, "typ": "warrant+jwt", **(header or {})}
    signed = f"{encoded_json(head)}.{encoded_json(claims(**changes))}"
    return f"{signed}.{encoded(issuer.key.sign(signed.encode()))}"


def verifier(issuer: Issuer) -> WarrantVerifier:
    async def fetch() -> str:
        return json.dumps({"keys": [issuer.jwk]})

    clock = HeldClock(START)
    return WarrantVerifier(issuer=ISSUER, keys=KeySet(fetch=fetch, clock=clock), clock=clock)


async def refused(issuer: Issuer, text: str, *, subject: UUID = SUBJECT, right: str = ACCESS) -> str:
    with pytest.raises(PermissionDenied) as caught:
        await verifier(issuer).verify(text, subject=subject, right=right)
    return caught.value.message


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: str(vector["what"]))
async def test_a_vector_of_the_format_verifies(vector: dict[str, str]) -> None:
    async def fetch() -> str:
        return str(VECTORS["jwks"])

    told = json.loads(vector["claims"])
    clock = HeldClock(START)
    clock.advance(told["iat"] - START.timestamp())
    reader = WarrantVerifier(issuer=told["iss"], keys=KeySet(fetch=fetch, clock=clock), clock=clock)
    found = await reader.verify(vector["warrant"], subject=UUID(told["sub"]), right=told["right"])
    assert (str(found.request), found.right) == (told["rid"], told["right"])
    assert found.expires_at.timestamp() == told["exp"]


async def test_a_warrant_is_for_one_person_and_one_right() -> None:
    issuer = Issuer()
    found = await verifier(issuer).verify(warrant(issuer), subject=SUBJECT, right=ACCESS)
    assert (found.subject, found.request) == (SUBJECT, REQUEST)
    other = await refused(issuer, warrant(issuer), subject=OTHER)
    assert other == await refused(issuer, warrant(issuer), right=ERASURE)


async def test_an_access_token_is_no_warrant_and_a_warrant_no_access_token() -> None:
    issuer = Issuer()
    validator = Validator(issuer)
    await refused(issuer, issuer.token())
    # Even with everything in it that a warrant has, and the audience.
    await refused(issuer, issuer.token(aud="participants", rid=str(REQUEST), right="access"))
    for text in (warrant(issuer), warrant(issuer, **validator_claims())):
        with pytest.raises(Unauthenticated):
            await validator.verifier.verify(text, audience="wardenry")
        with pytest.raises(Unauthenticated):
            await validator.verifier.verify(text, audience="participants")


def validator_claims() -> dict[str, Any]:
    return {"aud": ["wardenry"], "client_id": "gateway", "jti": str(REQUEST), "sid": str(OTHER), "sep": 1, "scope": ""}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example.org"},
        {"aud": "wardenry"},
        {"aud": ["participants"]},
        {"sub": 7},
        {"rid": "x"},
        {"rid": ...},
        {"right": "everything"},
        {"right": ["access"]},
        {"iat": int(START.timestamp()) + 60},
        {"exp": int(START.timestamp())},
        {"exp": int(START.timestamp()) + 3601},
        {"exp": True},
        {"exp": ...},
        {"extra": 1},
    ],
    ids=str,
)
async def test_a_claim_of_another_value_or_type_is_refused(changes: dict[str, Any]) -> None:
    issuer = Issuer()
    await refused(issuer, warrant(issuer, **changes))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "at+jwt"},
        {"typ": "JWT"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"kid": 7},
        {"kid": "another"},
        {"jwk": {}},
        {"crit": []},
    ],
    ids=str,
)
async def test_a_header_of_another_form_is_refused(header: dict[str, Any]) -> None:
    issuer = Issuer()
    await refused(issuer, warrant(issuer, header=header))


async def test_what_was_signed_by_nobody_is_refused() -> None:
    issuer = Issuer()
    good = warrant(issuer)
    head, body, signature = good.split(".")
    for text in (
        "",
        "a.b",
        "a.b.c",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        "A" * LONGEST + "..",
    ):
        await refused(issuer, text)
    await refused(issuer, warrant(Issuer(seed=bytes(32))))


async def test_without_keys_there_is_no_verdict() -> None:
    async def fetch() -> str:
        raise WardenryError("session does not answer")

    clock = HeldClock(START)
    with pytest.raises(Unavailable):
        await WarrantVerifier(issuer=ISSUER, keys=KeySet(fetch=fetch, clock=clock), clock=clock).verify(
            warrant(Issuer()), subject=SUBJECT, right=ACCESS
        )
