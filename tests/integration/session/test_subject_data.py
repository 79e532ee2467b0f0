"""Session's part in people's rights: what it shows and removes, of this person and of nobody else."""

import pytest

from services.session.commands.subject_data import SubjectData
from services.session.domain.errors import RefreshInvalid
from tests.support.session import CLIENT, SealsForTests, SessionForTests
from wardenry.errors.error import Unauthenticated


def subject_data(session: SessionForTests) -> SubjectData:
    seals = session.create._seals
    assert isinstance(seals, SealsForTests)
    return SubjectData(work=session.work, seals=seals, clock=session.clock, ids=session.ids)


async def test_a_person_is_shown_their_own_sessions(session: SessionForTests) -> None:
    anna, ben = await session.sign_in(), await session.sign_in()
    ended = await session.sign_in(anna.subject)
    await session.end_subject(ben.subject, epoch=2, keep=None)
    data = subject_data(session)
    rows = [row.values async for row in data.rows(anna.subject)]
    (category,) = data.categories()
    assert all(row.keys() == set(category.fields) for row in rows)
    assert [row["session_id"] for row in rows] == sorted([str(anna.session), str(ended.session)])
    assert {row["ip_address"] for row in rows} == {CLIENT.address}
    assert str(ben.session) not in str(rows)
    (bens,) = [row.values async for row in data.rows(ben.subject)]
    assert bens["end_reason"] == "credential"


async def test_an_erased_persons_sessions_end_and_go(session: SessionForTests) -> None:
    anna, ben = await session.sign_in(), await session.sign_in()
    await session.sign_in(anna.subject)
    data = subject_data(session)
    assert (await data.erase(anna.subject)).rows == 4
    assert [row async for row in data.rows(anna.subject)] == []
    with pytest.raises(RefreshInvalid):
        await session.refreshed(anna)
    with pytest.raises(Unauthenticated):
        await session.verifier.verify(anna.access_token, audience="wardenry")
    rows = await session.as_owner("SELECT subject_id FROM session UNION ALL SELECT subject_id FROM session_grant")
    assert {row["subject_id"] for row in rows} == {ben.subject}
    assert (await session.actions()).count("session.revoked") == 2
    # The feed says so as well, and the epoch stays.
    assert len(await session.as_owner("SELECT FROM revocation WHERE subject_id = $1", anna.subject)) == 2
    assert await session.as_owner("SELECT FROM subject WHERE subject_id = $1", anna.subject)
    assert (await data.erase(anna.subject)).rows == 0
    assert await session.refreshed(ben)


async def test_nothing_here_can_be_wrong(session: SessionForTests) -> None:
    anna = await session.sign_in()
    assert await subject_data(session).rectify(anna.subject, field="name", value="x") == 0
