"""Every method of the store, called for one subject with another one's ids: nothing is seen, nothing changes."""

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from libs.db.context import Context
from services.session.commands.refresh import RefreshCall
from services.session.commands.token import Tokens
from services.session.domain.grant import Use
from services.session.domain.ports import Rotation
from services.session.domain.refresh_token import parse
from services.session.store.introspection import PostgresJudge
from tests.support.session import CLIENT, DEVICE, PACE, SessionForTests
from tests.support.tokens import access_token


@pytest.fixture
async def two(session: SessionForTests) -> AsyncIterator[tuple[Tokens, Tokens]]:
    """Mine, and another's; the other's rows must be as they were."""
    mine, other = await session.sign_in(), await session.sign_in()
    before = await rows_of(session, other)
    yield mine, other
    assert await rows_of(session, other) == before


async def rows_of(session: SessionForTests, tokens: Tokens) -> list[list[asyncpg.Record]]:
    tables = ("subject", "session", "session_grant", "revocation")
    return [await session.as_owner(f"SELECT * FROM {table} WHERE subject_id = $1", tokens.subject) for table in tables]


def refresh_call(tokens: Tokens) -> RefreshCall:
    return RefreshCall(token=parse(tokens.refresh_token), device_binding=DEVICE, client=CLIENT, traceparent=None)


async def test_sessions(session: SessionForTests, two: tuple[Tokens, Tokens]) -> None:
    mine, other = two
    async with session.work.begin(mine.subject) as work:
        assert await work.sessions.lock(other.session) is None
        assert await work.sessions.holder(other.session, None) is None
        assert await work.sessions.end({other.session}, but=None, reason="revoked") == []
        assert other.session not in await work.sessions.end(None, but=None, reason="revoked")
        assert other.session not in await work.sessions.end_below(9, keep=other.session, reason="credential")
        assert other.session not in [row.session for row in await work.sessions.page(before=None, size=50)]


async def test_grants(session: SessionForTests, two: tuple[Tokens, Tokens]) -> None:
    mine, other = two
    (row,) = await session.as_owner("SELECT grant_id FROM session_grant WHERE subject_id = $1", other.subject)
    async with session.work.begin(mine.subject) as work:
        assert not await work.grants.end(row["grant_id"])


async def test_rows_cannot_be_written_for_another_subject(session: SessionForTests, two: tuple[Tokens, Tokens]) -> None:
    mine, other = two
    for statement in (
        "INSERT INTO subject (subject_id, epoch) VALUES (gen_random_uuid(), 1)",
        f"INSERT INTO revocation (subject_id, revocation_id, epoch) VALUES ('{other.subject}', gen_random_uuid(), 1)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with session.runtime.transaction(Context(subjects=frozenset({mine.subject}))) as tx:
                await tx.execute(statement)


async def test_subjects_and_revocations(session: SessionForTests, two: tuple[Tokens, Tokens]) -> None:
    mine, other = two
    async with session.work.begin(mine.subject) as work:
        assert await work.subjects.raise_to(9)
        await work.revocations.revoke_below(9)
        await work.revocations.revoke_sessions([other.session])
    (row,) = await session.as_owner("SELECT subject_id FROM revocation WHERE session_id = $1", other.session)
    assert row["subject_id"] == mine.subject
    # A validator refuses by session id alone, and ids of sessions are never taken from a caller before they were found.


async def test_a_pair_of_ones_own_subject_and_anothers_grant_finds_nothing(
    session: SessionForTests, two: tuple[Tokens, Tokens]
) -> None:
    mine, other = two
    (row,) = await session.as_owner("SELECT grant_id FROM session_grant WHERE subject_id = $1", other.subject)
    assert await session.store.find([(mine.subject, row["grant_id"])]) == {}
    (found,) = (await session.store.find([(other.subject, row["grant_id"])])).values()
    crossed = Rotation(
        grant=replace(found, subject=mine.subject),
        use=Use.ROTATE,
        standing=None,
        event=await session.refresh._event(found, refresh_call(other), "session.refreshed"),
        envelope=b"",
        traceparent=None,
    )
    assert await session.store.rotate([crossed], key_version=1, pace=PACE.interval) == {}
    assert "session.refreshed" not in await session.actions()


async def test_judgements(session: SessionForTests, two: tuple[Tokens, Tokens]) -> None:
    mine, other = two
    judge = PostgresJudge(database=session.runtime)
    asked = [
        access_token(subject=mine.subject, session=other.session, subject_epoch=1),
        access_token(subject=mine.subject, session=mine.session, subject_epoch=1),
        access_token(subject=other.subject, session=mine.session, subject_epoch=1),
        access_token(subject=other.subject, session=other.session, subject_epoch=0),
    ]
    assert list(await judge.live(asked)) == [False, True, False, False]


async def test_no_context_is_left_behind(session: SessionForTests, two: tuple[Tokens, Tokens]) -> None:
    mine, _ = two
    await session.refreshed(mine)
    await session.introspect(mine.access_token)
    for _ in range(5):
        assert await session.runtime.fetch("SELECT FROM session") == []
