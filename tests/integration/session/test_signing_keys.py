"""Rotation of signing keys: no good token is refused, none of a key that is gone is taken."""

import asyncio

import pytest

from services.session.commands.introspection import SignedTokens
from services.session.commands.signing_key import SigningKeyMissing, SigningKeySet
from tests.support.session import ISSUER, SessionForTests
from wardenry.clock import SystemClock
from wardenry.errors.error import Unauthenticated
from wardenry.keys import parse_jwks


async def rotated(session: SessionForTests) -> None:
    """A period and the time that a next key is published ahead pass."""
    await session.as_owner(
        "UPDATE signing_key SET created_at = created_at - interval '31 days',"
        " current_from = current_from - interval '31 days'"
    )
    assert await session.rotate_keys()


async def test_a_token_outlives_the_retirement_of_its_key(session: SessionForTests) -> None:
    before = await session.sign_in()
    known = parse_jwks(session.keys.jwks)
    await rotated(session)
    await session.keys.reload()
    after = await session.sign_in()
    assert session.keys.signer.key_id in known, "validators knew the key before it signed"
    for tokens in (before, after):
        await session.verifier.verify(tokens.access_token, audience="wardenry")
        assert await session.introspect(tokens.access_token) is not None
    assert len(parse_jwks(session.keys.jwks)) == 3


async def test_a_replica_that_learns_late_signs_what_is_still_taken(session: SessionForTests) -> None:
    async with SessionForTests(session.database) as late:
        await rotated(session)
        await session.keys.reload()
        tokens = await late.sign_in()
        assert late.keys.signer.key_id != session.keys.signer.key_id
        await session.verifier.verify(tokens.access_token, audience="wardenry")


async def test_a_key_that_is_gone_signs_nothing_that_is_taken(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    await session.verifier.verify(tokens.access_token, audience="wardenry")
    await rotated(session)
    await session.as_owner("UPDATE signing_key SET retired_at = now() - interval '11 minutes' WHERE state = 'retired'")
    assert await session.rotate_keys()
    await session.keys.reload()
    with pytest.raises(Unauthenticated):
        await session.verifier.verify(tokens.access_token, audience="wardenry")
    assert await session.introspect(tokens.access_token) is None


async def test_before_the_keys_are_read_no_token_is_judged(session: SessionForTests) -> None:
    """An answer of no keys at all would be believed, and turn every good token away."""
    starting = SigningKeySet(keys=session.keys._keys, provider=session.keys._provider)
    token = (await session.sign_in()).access_token
    reader = SignedTokens(issuer=ISSUER, keys=starting, clock=SystemClock())
    for ask in (lambda: starting.jwks, lambda: starting.public, lambda: starting.signer, lambda: reader.read(token)):
        with pytest.raises(SigningKeyMissing):
            ask()
    assert not starting.loaded
    await starting.reload()
    assert starting.jwks == session.keys.jwks
    assert reader.read(token) is not None


async def test_replicas_that_begin_at_once_agree(session: SessionForTests) -> None:
    await session.as_owner("DELETE FROM signing_key")
    await asyncio.gather(*(session.rotate_keys() for _ in range(4)))
    rows = await session.as_owner("SELECT state FROM signing_key ORDER BY state")
    assert [row["state"] for row in rows] == ["current", "next"]


async def test_private_keys_are_stored_wrapped(session: SessionForTests) -> None:
    private = session.keys.signer.private.private_bytes_raw()
    for row in await session.as_owner("SELECT private_key_wrapped FROM signing_key"):
        assert private not in row["private_key_wrapped"]
