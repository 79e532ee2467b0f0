"""Refreshing: rotation, grace, reuse, races, memberships."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from services.session.commands.token import Tokens
from services.session.domain.errors import (
    DependencyUnavailable,
    RefreshBusy,
    RefreshInvalid,
    RefreshLimited,
    RefreshReused,
)
from tests.support.events import eventually
from tests.support.session import DEVICE, PACE, SessionForTests

WORKSPACE = UUID("0192f0c0-0000-7000-8000-0000000000aa")


async def test_a_refresh_token_rotates(session: SessionForTests) -> None:
    first = await session.sign_in()
    second = await session.refreshed(first)
    third = await session.refreshed(second)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert len({first.access_token, second.access_token, third.access_token}) == 3
    assert {first.session, second.session, third.session} == {first.session}
    assert await session.actions() == ["user.login", "session.refreshed", "session.refreshed"]


async def test_fifty_at_once_have_one_successor(session: SessionForTests) -> None:
    first = await session.sign_in()
    answers = await asyncio.gather(*(session.refreshed(first) for _ in range(50)), return_exceptions=True)
    won = [each for each in answers if isinstance(each, Tokens)]
    assert len({each.refresh_token for each in won}) == 1
    assert len(won) == 4  # the rotation, and three repeats of the grace
    assert {type(each) for each in answers if not isinstance(each, Tokens)} == {RefreshBusy}
    assert sorted(await session.actions()) == ["session.refreshed", *["session.retried"] * 3, "user.login"]
    await session.refreshed(won[0])


async def test_fifty_at_once_in_two_processes_have_one_successor(session: SessionForTests) -> None:
    first = await session.sign_in()
    async with SessionForTests(session.database) as other:
        both = (session, other)
        answers = await asyncio.gather(*(both[i % 2].refreshed(first) for i in range(50)), return_exceptions=True)
    won = [each for each in answers if isinstance(each, Tokens)]
    assert len({each.refresh_token for each in won}) == 1
    assert len(won) == 4
    (grant,) = await session.as_owner("SELECT counter, grace_uses FROM session_grant")
    assert (grant["counter"], grant["grace_uses"]) == (1, 3)


async def test_the_previous_one_is_answered_with_the_same_successor_within_its_grace(session: SessionForTests) -> None:
    first = await session.sign_in()
    second = await session.refreshed(first)
    again = [await session.refreshed(first) for _ in range(3)]
    assert {each.refresh_token for each in again} == {second.refresh_token}
    with pytest.raises(RefreshBusy):
        await session.refreshed(first)
    assert (await session.refreshed(second)).refresh_token != second.refresh_token
    assert await session.actions() == [
        "user.login",
        "session.refreshed",
        *["session.retried"] * 3,
        "session.refreshed",
    ]


async def test_a_grant_is_refreshed_no_faster_than_it_may_be_and_loses_nothing(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    async with SessionForTests(session.database) as other:
        for turn in range(PACE.burst):
            tokens = await (session, other)[turn % 2].refreshed(tokens)
        with pytest.raises(RefreshLimited) as limited:
            await session.refreshed(tokens)
    assert timedelta() < limited.value.retry_after <= PACE.interval
    assert (await session.actions()).count("session.refreshed") == PACE.burst
    await session.as_owner("UPDATE session_grant SET paced_until = paced_until - $1::interval", PACE.interval)
    await session.refreshed(tokens)


async def test_a_clock_that_goes_back_keeps_no_grant_waiting_and_leaves_its_pace(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    for _ in range(PACE.burst):
        tokens = await session.refreshed(tokens)
    # For the grant an hour ahead is what for the database is an hour back.
    await session.as_owner(
        "UPDATE session_grant SET rotated_at = rotated_at + interval '1 hour',"
        " paced_until = paced_until + interval '1 hour'"
    )
    for _ in range(PACE.burst):
        tokens = await session.refreshed(tokens)
    with pytest.raises(RefreshLimited) as limited:
        await session.refreshed(tokens)
    assert limited.value.retry_after <= PACE.interval


async def test_the_previous_one_after_its_grace_ends_the_session(session: SessionForTests) -> None:
    first = await session.sign_in()
    second = await session.refreshed(first)
    await session.age(11)
    with pytest.raises(RefreshReused):
        await session.refreshed(first)
    with pytest.raises(RefreshInvalid):
        await session.refreshed(second)
    assert await session.introspect(second.access_token) is None
    (leaf,) = await session.leaves("session.reused")
    assert leaf.actor.id == first.subject.bytes


async def test_an_older_one_ends_the_session_at_once(session: SessionForTests) -> None:
    first = await session.sign_in()
    third = await session.refreshed(await session.refreshed(first))
    reuses = await asyncio.gather(*(session.refreshed(first) for _ in range(5)), return_exceptions=True)
    assert {type(each) for each in reuses} <= {RefreshReused, RefreshInvalid}
    assert any(isinstance(each, RefreshReused) for each in reuses)
    with pytest.raises(RefreshInvalid):
        await session.refreshed(third)
    assert len(await session.leaves("session.reused")) == 1


async def test_another_device_is_refused_and_costs_nothing(session: SessionForTests) -> None:
    first = await session.sign_in()
    with pytest.raises(RefreshInvalid):
        await session.refreshed(first, device=bytes(32))
    second = await session.refreshed(first, device=DEVICE)
    with pytest.raises(RefreshInvalid):
        await session.refreshed(first, device=bytes(32))
    await session.refreshed(second)


async def test_no_refresh_commits_after_the_end_of_its_session(session: SessionForTests) -> None:
    for _ in range(10):
        tokens = await session.sign_in()
        acknowledged = asyncio.Event()

        async def end(tokens: Tokens = tokens, acknowledged: asyncio.Event = acknowledged) -> None:
            await session.end_subject(tokens.subject, epoch=2, keep=None)
            acknowledged.set()

        async def refresh_on(tokens: Tokens = tokens, acknowledged: asyncio.Event = acknowledged) -> None:
            while True:
                late = acknowledged.is_set()
                try:
                    tokens = await session.refreshed(tokens)
                except RefreshInvalid:
                    return
                assert not late, "a refresh that began after the acknowledgement succeeded"

        await asyncio.gather(end(), refresh_on())


async def test_an_idle_grant_is_refused(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    await session.age(14 * 86_400 + 1)
    with pytest.raises(RefreshInvalid):
        await session.refreshed(tokens)


async def test_an_expired_session_is_refused(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    await session.as_owner("UPDATE session SET expires_at = now()")
    with pytest.raises(RefreshInvalid):
        await session.refreshed(tokens)


async def test_a_changed_role_is_in_the_next_token(session: SessionForTests) -> None:
    subject = session.ids.uuid7()
    session.tenancy.join(subject, WORKSPACE)
    tokens = await session.sign_in(subject, workspace=WORKSPACE)
    assert tokens.role == "member"
    session.tenancy.join(subject, WORKSPACE, role="admin", epoch=2)
    tokens = await session.refreshed(tokens)
    assert (tokens.role, session.reader.read(tokens.access_token).membership_epoch) == ("admin", 2)


async def test_a_feed_that_reaches_back_spares_the_call(session: SessionForTests) -> None:
    subject = session.ids.uuid7()
    session.tenancy.join(subject, WORKSPACE)
    tokens = await session.sign_in(subject, workspace=WORKSPACE)
    session.tenancy.fresh, session.tenancy.answers = True, False
    asked = session.tenancy.asked
    tokens = await session.refreshed(tokens)
    session.tenancy.changes[subject, WORKSPACE] = (5, "manager")
    tokens = await session.refreshed(tokens)
    assert (tokens.role, session.tenancy.asked) == ("manager", asked)


async def test_without_feed_and_tenancy_nothing_is_consumed(session: SessionForTests) -> None:
    subject = session.ids.uuid7()
    session.tenancy.join(subject, WORKSPACE)
    tokens = await session.sign_in(subject, workspace=WORKSPACE)
    platform = await session.sign_in()
    session.tenancy.answers = False
    refused, fine = await asyncio.gather(session.refreshed(tokens), session.refreshed(platform), return_exceptions=True)
    assert isinstance(refused, DependencyUnavailable)
    assert isinstance(fine, Tokens)
    session.tenancy.answers = True
    assert (await session.refreshed(tokens)).refresh_token != tokens.refresh_token
    assert "session.retried" not in await session.actions()


@pytest.mark.parametrize("told", ["asked", "feed"])
async def test_an_ended_membership_ends_the_grant_and_not_the_session(session: SessionForTests, told: str) -> None:
    subject = session.ids.uuid7()
    session.tenancy.join(subject, WORKSPACE)
    tokens = await session.sign_in(subject, workspace=WORKSPACE)
    if told == "feed":
        session.tenancy.fresh = True
        session.tenancy.changes[subject, WORKSPACE] = (2, "")
    else:
        del session.tenancy.members[subject, WORKSPACE]
    with pytest.raises(RefreshInvalid):
        await session.refreshed(tokens)
    (leaf,) = await session.leaves("session.revoked")
    assert (leaf.reason, leaf.log, leaf.target.kind) == ("membership", WORKSPACE.bytes, "grant")
    assert (await session.as_owner("SELECT ended_at FROM session"))[0]["ended_at"] is None


async def test_a_batch_serves_many_subjects_each_its_own(session: SessionForTests) -> None:
    signed_in = [await session.sign_in() for _ in range(40)]
    refreshed = await asyncio.gather(*map(session.refreshed, signed_in))
    assert [each.subject for each in refreshed] == [each.subject for each in signed_in]
    assert [each.session for each in refreshed] == [each.session for each in signed_in]
    assert len({each.refresh_token for each in refreshed}) == 40


async def test_updates_stay_in_their_page(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    for _ in range(20):
        tokens = await session.refreshed(tokens)
    # A connection reports its counters when it ends, which is after we have left it.
    await session.runtime.close()

    async def updates() -> tuple[int, int]:
        (row,) = await session.as_owner(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'session_grant'"
        )
        return row["n_tup_upd"], row["n_tup_hot_upd"]

    async def reported() -> bool:
        return (await updates())[0] == 20

    await eventually(reported)
    assert await updates() == (20, 20)


async def test_a_defect_in_one_row_is_not_the_others(session: SessionForTests) -> None:
    signed_in = [await session.sign_in() for _ in range(5)]
    broken = signed_in[2]
    await session.as_owner(
        "UPDATE session_grant SET audit_key = $1 WHERE subject_id = $2",
        bytes(32),  # a point of small order, which nothing can be sealed to
        broken.subject,
    )
    answers = await asyncio.gather(*map(session.refreshed, signed_in), return_exceptions=True)
    assert [isinstance(each, Tokens) for each in answers] == [True, True, False, True, True]
    (row,) = await session.as_owner("SELECT counter FROM session_grant WHERE subject_id = $1", broken.subject)
    assert row["counter"] == 0, "what is not recorded does not happen"
