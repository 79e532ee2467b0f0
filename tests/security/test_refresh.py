"""Cases 5 and 6, and forgery: what a thief of a refresh token, of the database or of a key file can do with it."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator

import pytest

from services.session.commands.token import Tokens
from services.session.domain.errors import RefreshBusy, RefreshInvalid, RefreshReused
from services.session.domain.refresh_token import RefreshKeys
from tests.support.postgres import ServiceDatabases
from tests.support.session import CLIENT, DEVICE, SessionForTests


@pytest.fixture
async def session(service_database: ServiceDatabases) -> AsyncIterator[SessionForTests]:
    async with SessionForTests(service_database("session")) as parts:
        yield parts


async def test_never_are_two_successors_alive(session: SessionForTests) -> None:
    """Thief and owner race, again and again: whoever wins, one line of tokens goes on, or none."""
    for _ in range(5):
        tokens = await session.sign_in()
        alive = {tokens.refresh_token: tokens}
        for _ in range(4):
            answers = await asyncio.gather(
                *(session.refreshed(each) for each in itertools.islice(itertools.cycle(alive.values()), 20)),
                return_exceptions=True,
            )
            assert all(isinstance(each, Tokens | RefreshBusy) for each in answers)
            alive = {each.refresh_token: each for each in answers if isinstance(each, Tokens)}
            assert len(alive) == 1


async def test_a_thief_who_was_first_loses_it_with_the_owners_next_refresh(session: SessionForTests) -> None:
    stolen = await session.sign_in()
    thiefs = await session.refreshed(await session.refreshed(stolen))
    with pytest.raises(RefreshReused):
        await session.refreshed(stolen)
    with pytest.raises(RefreshInvalid):
        await session.refreshed(thiefs)
    assert await session.introspect(thiefs.access_token) is None


async def test_reuse_ends_every_grant_of_the_session(session: SessionForTests) -> None:
    first = await session.sign_in()
    row = (await session.as_owner("SELECT * FROM session_grant"))[0]
    columns = ", ".join(name for name, _ in row.items() if name != "grant_id")
    second = session.ids.uuid7()
    await session.as_owner(
        f"INSERT INTO session_grant (grant_id, {columns}) SELECT $1, {columns} FROM session_grant", second
    )
    other = session.refresh_keys.issue(subject=first.subject, grant=second, counter=0, key_version=1, seed=row["seed"])
    await session.refreshed(await session.refreshed(first))
    with pytest.raises(RefreshReused):
        await session.refreshed(first)
    with pytest.raises(RefreshInvalid):
        await session.refresh(other, device_binding=DEVICE, client=CLIENT)


async def test_the_database_alone_forges_nothing(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    (row,) = await session.as_owner("SELECT grant_id, seed, counter FROM session_grant")
    for guess in (bytes([1]) * 31 + b"\x00", row["seed"]):
        forged = RefreshKeys({1: guess}).issue(
            subject=tokens.subject, grant=row["grant_id"], counter=row["counter"], key_version=1, seed=row["seed"]
        )
        with pytest.raises(RefreshInvalid):
            await session.refresh(forged, device_binding=DEVICE, client=CLIENT)
    await session.refreshed(tokens)


async def test_the_servers_key_alone_forges_nothing(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    (row,) = await session.as_owner("SELECT grant_id FROM session_grant")
    forged = session.refresh_keys.issue(
        subject=tokens.subject, grant=row["grant_id"], counter=0, key_version=1, seed=bytes(32)
    )
    with pytest.raises(RefreshInvalid):
        await session.refresh(forged, device_binding=DEVICE, client=CLIENT)
    await session.refreshed(tokens)


async def test_parts_of_two_tokens_make_no_third(session: SessionForTests) -> None:
    first, second = await session.sign_in(), await session.sign_in()
    one, two = (base64.urlsafe_b64decode(each.refresh_token + "=") for each in (first, second))
    # Subject, grant, both, MAC.
    for start, end in ((5, 21), (21, 37), (5, 37), (45, 77)):
        mixed = one[:start] + two[start:end] + one[end:]
        text = base64.urlsafe_b64encode(mixed).rstrip(b"=").decode()
        with pytest.raises(RefreshInvalid):
            await session.refresh(text, device_binding=DEVICE, client=CLIENT)
    await session.refreshed(first)
    await session.refreshed(second)


async def test_a_forged_older_counter_does_not_end_the_session(session: SessionForTests) -> None:
    """Else anybody who knows two identifiers could sign a person out."""
    tokens = await session.refreshed(await session.refreshed(await session.sign_in()))
    raw = bytearray(base64.urlsafe_b64decode(tokens.refresh_token + "="))
    raw[37:45] = bytes(8)
    text = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    with pytest.raises(RefreshInvalid):
        await session.refresh(text, device_binding=DEVICE, client=CLIENT)
    await session.refreshed(tokens)


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    with pytest.raises(RefreshInvalid):
        await session.refresh(tokens.access_token, device_binding=DEVICE, client=CLIENT)
    assert await session.introspect(tokens.refresh_token) is None
