"""Refreshes and ends, step by step: what the statements of one see of the other, in each order."""

import asyncio

import asyncpg
import pytest

from services.session.commands.token import Tokens
from services.session.domain import events
from services.session.domain.grant import Use
from services.session.domain.ports import Rotation
from tests.support.postgres import waits_for_a_lock
from tests.support.session import PACE, SessionForTests


async def rotation(session: SessionForTests, tokens: Tokens) -> Rotation:
    """What a batch has decided about the session's grant, before it writes."""
    (row,) = await session.as_owner("SELECT grant_id FROM session_grant WHERE session_id = $1", tokens.session)
    (grant,) = (await session.store.find([(tokens.subject, row["grant_id"])])).values()
    event = events.revoked_by_service(
        event_id=session.ids.uuid7(), occurred_at=grant.read_at, session=grant.session, service="test", reason="test"
    )
    return Rotation(grant=grant, use=Use.ROTATE, standing=None, event=event, envelope=b"frozen", traceparent=None)


async def applied(session: SessionForTests, *rotations: Rotation) -> bool:
    return bool(await session.store.rotate(rotations, key_version=1, pace=PACE.interval))


async def end(session: SessionForTests, tokens: Tokens) -> None:
    async with session.work.begin(tokens.subject) as work:
        assert await work.sessions.end([tokens.session], but=None, reason="revoked")


async def test_a_rotation_decided_before_the_end_does_not_apply_after_it(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    decided = await rotation(session, tokens)
    await end(session, tokens)
    assert not await applied(session, decided)
    assert "session.revoked" not in await session.actions(), "an event without its rotation"


async def test_a_rotation_that_waits_for_an_end_sees_it(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    decided = await rotation(session, tokens)
    async with session.work.begin(tokens.subject) as work:
        await work.sessions.end([tokens.session], but=None, reason="revoked")
        waiting = asyncio.create_task(applied(session, decided))
        await waits_for_a_lock(session.database.administrator)
        assert not waiting.done()
    assert not await waiting


async def test_an_end_waits_for_a_rotation_under_way(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    decided = await rotation(session, tokens)
    connection = await asyncpg.connect(session.database.runtime)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"SELECT set_config('wardenry.subjects', '{tokens.subject}', true)")
        await connection.execute(
            "SELECT FROM session_grant WHERE subject_id = $1 AND grant_id = $2 FOR UPDATE",
            tokens.subject,
            decided.grant.grant,
        )
        ending = asyncio.create_task(end(session, tokens))
        await waits_for_a_lock(session.database.administrator)
        assert not ending.done(), "acknowledged while a refresh may still commit"
        await transaction.commit()
        await ending
    finally:
        await connection.close()


@pytest.mark.parametrize("changed", ["counter", "grace_uses"])
async def test_a_rotation_of_a_grant_that_has_moved_does_not_apply(session: SessionForTests, changed: str) -> None:
    tokens = await session.sign_in()
    decided = await rotation(session, tokens)
    await session.as_owner(f"UPDATE session_grant SET {changed} = {changed} + 1")
    assert not await applied(session, decided)


async def test_in_a_batch_each_stands_alone(session: SessionForTests) -> None:
    ended, lives = await session.sign_in(), await session.sign_in()
    both = [await rotation(session, ended), await rotation(session, lives)]
    await end(session, ended)
    assert list(await session.store.rotate(both, key_version=1, pace=PACE.interval)) == [1]
