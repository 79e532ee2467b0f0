"""The feed's source, and what is forgotten."""

import asyncpg
import pytest

from services.session.domain.revocation import Revocation
from services.session.store.past import PostgresPast
from services.session.store.revocation import PostgresRevocationSource
from tests.support.session import SessionForTests


async def test_a_revocation_that_commits_late_is_still_delivered(session: SessionForTests) -> None:
    early, late = await session.sign_in(), await session.sign_in()
    source = PostgresRevocationSource(database=session.jobs)
    connection = await asyncpg.connect(session.database.runtime)
    try:
        # The late one takes its transaction id first, and commits after a later one was read.
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"SELECT set_config('wardenry.subjects', '{late.subject}', true)")
        await connection.execute(
            "INSERT INTO revocation (subject_id, revocation_id, session_id) VALUES ($1, $2, $3)",
            late.subject,
            session.ids.uuid7(),
            late.session,
        )
        await session.end_subject(early.subject, epoch=2, keep=None)
        first = await source.read(0, replica=session.ids.uuid7())
        await transaction.commit()
    finally:
        await connection.close()
    second = await source.read(first.snapshot.xmin, replica=session.ids.uuid7())
    assert [row.subject for row in first.rows] == [early.subject]
    assert late.session in [row.session for row in second.rows]


async def test_the_feed_tells_sessions_and_epochs(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    await session.end_subject(tokens.subject, epoch=7, keep=None)
    (row,) = (await PostgresRevocationSource(database=session.jobs).read(0, replica=session.ids.uuid7())).rows
    assert isinstance(row, Revocation)
    assert (row.subject, row.session, row.epoch) == (tokens.subject, None, 7)


async def test_revocations_are_forgotten_when_no_token_minds(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    await session.end_subject(tokens.subject, epoch=2, keep=None)
    past = PostgresPast(database=session.jobs)
    assert await past.forget_revocations(older_seconds=930) == 0
    await session.as_owner("UPDATE revocation SET revoked_at = now() - interval '931 seconds'")
    assert await past.forget_revocations(older_seconds=930) == 1


@pytest.mark.parametrize("column", ["ended_at", "expires_at"])
async def test_sessions_are_forgotten_a_day_after_their_end(session: SessionForTests, column: str) -> None:
    gone, kept = await session.sign_in(), await session.sign_in()
    await session.end_subject(gone.subject, epoch=2, keep=None)
    past = PostgresPast(database=session.jobs)
    assert await past.forget_sessions() == 0
    await session.as_owner(
        f"UPDATE session SET {column} = now() - interval '25 hours' WHERE session_id = $1", gone.session
    )
    assert await past.forget_sessions() == 1
    assert [row["session_id"] for row in await session.as_owner("SELECT session_id FROM session")] == [kept.session]
    assert [row["session_id"] for row in await session.as_owner("SELECT session_id FROM session_grant")] == [
        kept.session
    ]
