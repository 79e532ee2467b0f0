"""The access token's template."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.session.commands.signing_key import Signer
from services.session.commands.token import AccessTokens
from services.session.domain.access_token import Claims
from tests.support.vectors import vectors_of
from wardenry.verifier import access_token_of, parsed_access_token

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER = "https://localhost:8443"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
CLAIMS = Claims(
    subject=UUID(int=1),
    session=UUID(int=2),
    client_id="gateway",
    audience="wardenry",
    amr=("pwd",),
    acr="aal1",
    authenticated_at=NOW,
    subject_epoch=3,
    workspace=UUID(int=4),
    role="manager",
    membership_epoch=5,
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
    token_id=UUID(int=6),
)


class OneKey:
    """Satisfies what AccessTokens asks of a SigningKeySet."""

    signer = Signer("key-1", PRIVATE)


def payload_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@pytest.fixture
def access() -> AccessTokens:
    return AccessTokens(issuer=ISSUER, keys=OneKey())  # type: ignore[arg-type]  # only the signer is asked for


def test_a_validator_reads_what_was_written(access: AccessTokens) -> None:
    token = access.sign(CLAIMS)
    parsed = parsed_access_token(token)
    assert parsed.key_id == "key-1"
    read = access_token_of(parsed, PRIVATE.public_key(), issuer=ISSUER, now=NOW)
    assert (read.subject, read.session, read.workspace) == (CLAIMS.subject, CLAIMS.session, CLAIMS.workspace)
    assert (read.role, read.membership_epoch, read.subject_epoch) == ("manager", 5, 3)
    assert (read.audience, read.client, read.amr, read.acr) == (("wardenry",), "gateway", ("pwd",), "aal1")
    assert (read.issued_at, read.expires_at, read.auth_time) == (NOW, CLAIMS.expires_at, NOW)
    signed, _, signature = token.rpartition(".")
    PRIVATE.public_key().verify(base64.urlsafe_b64decode(signature + "=="), signed.encode())


def test_without_a_workspace_its_claims_are_absent(access: AccessTokens) -> None:
    claims = payload_of(access.sign(replace(CLAIMS, workspace=None, role="", membership_epoch=0)))
    assert not {"wid", "role", "mep"} & claims.keys()


@given(st.text(max_size=40), st.lists(st.text(max_size=10), max_size=3))
def test_no_text_breaks_out_of_its_place(text: str, methods: list[str]) -> None:
    access = AccessTokens(issuer=ISSUER, keys=OneKey())  # type: ignore[arg-type]  # only the signer is asked for
    claims = replace(CLAIMS, client_id=text, audience=text, role=text, acr=text, amr=tuple(methods))
    payload = payload_of(access.sign(claims))
    assert (payload["client_id"], payload["aud"], payload["role"], payload["acr"]) == (text, [text], text, text)
    assert payload["amr"] == methods
    assert payload["sub"] == str(CLAIMS.subject)
    assert len(payload) == 16


@pytest.mark.parametrize("what", ["no workspace chosen yet", "a workspace's token"])
def test_the_vectors_are_written_byte_for_byte(what: str) -> None:
    (vector,) = [each for each in vectors_of("access-token") if each["what"] == what]
    expected = json.loads(vector["claims"])

    class VectorKey:
        signer = Signer("vector-1", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))

    access = AccessTokens(issuer=expected["iss"], keys=VectorKey())  # type: ignore[arg-type]  # as above
    token = access.sign(
        Claims(
            subject=UUID(expected["sub"]),
            session=UUID(expected["sid"]),
            client_id=expected["client_id"],
            audience=expected["aud"][0],
            amr=tuple(expected["amr"]),
            acr=expected["acr"],
            authenticated_at=datetime.fromtimestamp(expected["auth_time"], UTC),
            subject_epoch=expected["sep"],
            workspace=UUID(expected["wid"]) if "wid" in expected else None,
            role=expected.get("role", ""),
            membership_epoch=expected.get("mep", 0),
            issued_at=datetime.fromtimestamp(expected["iat"], UTC),
            expires_at=datetime.fromtimestamp(expected["exp"], UTC),
            token_id=UUID(expected["jti"]),
        )
    )
    assert token == vector["token"]
