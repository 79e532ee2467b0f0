"""Beginning, listing and ending sessions; opening workspaces; exchanging tokens."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from libs.crypto.hpke import ReaderPrivateKey
from libs.events.envelope import open_sealed
from libs.ids import PLATFORM
from services.session.commands.token import Tokens
from services.session.domain.errors import (
    AudienceUnknown,
    DependencyUnavailable,
    GrantExists,
    NotMember,
    PageTokenInvalid,
    RefreshInvalid,
    SessionEnded,
    SessionExists,
    SessionNotFound,
    TicketInvalid,
)
from tests.support.session import CLIENT, DEVICE, SessionForTests
from wardenry.errors.error import Unauthenticated
from wardenry.events.v1 import action_pb2, envelope_pb2

WORKSPACE = UUID("0192f0c0-0000-7000-8000-0000000000aa")
OTHER = UUID("0192f0c0-0000-7000-8000-0000000000bb")


async def test_a_sign_in_is_recorded_for_audit_alone_to_read(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    (row,) = await session.as_owner("SELECT action, log, bucket, envelope FROM outbox")
    envelope = envelope_pb2.Envelope.FromString(row["envelope"])
    assert (row["action"], row["log"]) == ("user.login", PLATFORM)
    assert CLIENT.address.encode() not in row["envelope"]
    private = ReaderPrivateKey(key_id=UUID(int=1), version=1, private=bytes([7]) * 32)
    values = open_sealed(leaf=envelope.leaf, role="actor", message=envelope.sealed[0].message, private_key=private)
    assert {name: value.value for name, value in values.items()} == {
        "ip_address": CLIENT.address,
        "user_agent": CLIENT.agent,
        "device_fingerprint": DEVICE[:16].hex(),
    }
    assert (await session.leaves())[0].target.id == tokens.session.bytes
    assert len(envelope.tags.network) == 32


async def test_a_ticket_makes_one_session(session: SessionForTests) -> None:
    subject, ticket, first = session.ids.uuid7(), bytes(32), session.ids.uuid7()
    session.tickets.issue(ticket, subject)

    async def create(session_id: UUID) -> Tokens:
        return await session.create(
            session=session_id, ticket=ticket, browser_binding=bytes(32), device_binding=DEVICE, client=CLIENT
        )

    answers = await asyncio.gather(*(create(first) for _ in range(10)), return_exceptions=True)
    assert [type(each) for each in answers if isinstance(each, Exception)] == [SessionExists] * 9
    with pytest.raises(TicketInvalid):
        await create(session.ids.uuid7())
    assert len(await session.as_owner("SELECT FROM session")) == 1


async def test_a_ticket_of_a_lower_epoch_is_refused(session: SessionForTests) -> None:
    subject = session.ids.uuid7()
    await session.end_subject(subject, epoch=5, keep=None)
    with pytest.raises(TicketInvalid):
        await session.sign_in(subject, epoch=4)
    await session.sign_in(subject, epoch=5)


async def test_a_sign_in_at_a_workspace_needs_membership_and_fails_closed(session: SessionForTests) -> None:
    subject = session.ids.uuid7()
    with pytest.raises(NotMember):
        await session.sign_in(subject, workspace=WORKSPACE)
    (refused,) = await session.leaves("user.login")
    assert (refused.outcome, refused.reason) == (action_pb2.OUTCOME_FAILURE, "membership")
    assert (refused.log, refused.actor.id) == (PLATFORM.bytes, subject.bytes)
    session.tenancy.join(subject, WORKSPACE, role="owner")
    session.tenancy.answers = False
    with pytest.raises(DependencyUnavailable):
        await session.sign_in(subject, workspace=WORKSPACE)
    session.tenancy.answers = True
    tokens = await session.sign_in(subject, workspace=WORKSPACE)
    assert (tokens.workspace, tokens.role) == (WORKSPACE, "owner")
    assert [leaf.log for leaf in await session.leaves()] == [PLATFORM.bytes, WORKSPACE.bytes]


async def test_a_session_opens_a_workspace(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    session.tenancy.join(tokens.subject, WORKSPACE)
    grant = session.ids.uuid7()

    async def open_workspace(grant: UUID, workspace: UUID = WORKSPACE) -> Tokens:
        return await session.create_grant(
            session.caller(tokens), grant=grant, workspace=workspace, audience="wardenry", device_binding=DEVICE
        )

    opened = await open_workspace(grant)
    assert (opened.session, opened.workspace, opened.role) == (tokens.session, WORKSPACE, "member")
    with pytest.raises(GrantExists):
        await open_workspace(grant)
    with pytest.raises(NotMember):
        await open_workspace(session.ids.uuid7(), OTHER)
    again = await open_workspace(session.ids.uuid7())
    with pytest.raises(RefreshInvalid):
        await session.refreshed(opened)
    await session.refreshed(again)
    await session.refreshed(tokens)


async def test_workspaces_opened_at_once_leave_one_grant(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    session.tenancy.join(tokens.subject, WORKSPACE)
    await asyncio.gather(
        *(
            session.create_grant(
                session.caller(tokens),
                grant=session.ids.uuid7(),
                workspace=WORKSPACE,
                audience="wardenry",
                device_binding=DEVICE,
            )
            for _ in range(10)
        )
    )
    live = await session.as_owner("SELECT FROM session_grant WHERE workspace_id IS NOT NULL AND ended_at IS NULL")
    assert len(live) == 1


async def test_signing_out_ends_every_token(session: SessionForTests) -> None:
    tokens, other = await session.sign_in(), await session.sign_in()
    await session.end.sign_out(session.caller(tokens))
    with pytest.raises(RefreshInvalid):
        await session.refreshed(tokens)
    with pytest.raises(Unauthenticated):
        await session.verifier.verify(tokens.access_token, audience="wardenry")
    assert await session.introspect(tokens.access_token) is None
    assert await session.introspect(other.access_token) is not None
    await session.end.sign_out(session.caller(tokens))
    assert await session.actions() == ["user.login", "user.login", "user.logout"]


async def test_signing_out_beside_a_password_change_that_keeps_the_session_ends_it(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    verified = session.caller(tokens)
    await session.end_subject(tokens.subject, epoch=2, keep=tokens.session)
    await session.end.sign_out(verified)
    with pytest.raises(RefreshInvalid):
        await session.refreshed(tokens)
    assert await session.actions() == ["user.login", "user.logout"]


async def test_revoking_reaches_ones_own_sessions_only(session: SessionForTests) -> None:
    mine = await session.sign_in()
    second = await session.sign_in(mine.subject)
    foreign = await session.sign_in()
    for unknown in (foreign.session, session.ids.uuid7()):
        with pytest.raises(SessionNotFound):
            await session.end.revoke(session.caller(mine), unknown)
    await session.end.revoke(session.caller(mine), second.session)
    with pytest.raises(SessionNotFound):
        await session.end.revoke(session.caller(mine), second.session)
    with pytest.raises(SessionEnded):
        await session.end.revoke(session.caller(second), mine.session)
    await session.refreshed(foreign)


async def test_two_sessions_that_revoke_each_other_do_not_deadlock(session: SessionForTests) -> None:
    for _ in range(10):
        first = await session.sign_in()
        second = await session.sign_in(first.subject)
        answers = await asyncio.gather(
            session.end.revoke(session.caller(first), second.session),
            session.end.revoke(session.caller(second), first.session),
            session.end.revoke_all(session.caller(first), keep_current=True),
            session.refreshed(first),
            session.refreshed(second),
            return_exceptions=True,
        )
        expected = (SessionEnded, SessionNotFound, RefreshInvalid)
        assert all(isinstance(each, expected) for each in answers if isinstance(each, Exception)), answers


async def test_revoking_the_others_keeps_the_one_that_asks(session: SessionForTests) -> None:
    mine = await session.sign_in()
    others = [await session.sign_in(mine.subject) for _ in range(3)]
    assert await session.end.revoke_all(session.caller(mine), keep_current=True) == 3
    for other in others:
        with pytest.raises(RefreshInvalid):
            await session.refreshed(other)
    await session.refreshed(mine)
    assert await session.end.revoke_all(session.caller(mine), keep_current=False) == 1
    assert len(await session.leaves("session.revoked")) == 4


async def test_an_epoch_ends_all_but_the_session_to_keep(session: SessionForTests) -> None:
    kept = await session.sign_in()
    other = await session.sign_in(kept.subject)
    assert await session.end_subject(kept.subject, epoch=2, keep=kept.session) == 1
    assert await session.end_subject(kept.subject, epoch=2, keep=None) == 0
    assert await session.end_subject(kept.subject, epoch=1, keep=None) == 0
    with pytest.raises(RefreshInvalid):
        await session.refreshed(other)
    assert await session.introspect(kept.access_token) is None, "a token of the lower epoch"
    moved = await session.refreshed(kept)
    assert session.reader.read(moved.access_token).subject_epoch == 2
    assert await session.introspect(moved.access_token) is not None


async def test_an_epoch_and_sign_ins_at_once_leave_no_session_below_it(session: SessionForTests) -> None:
    for _ in range(5):
        subject = session.ids.uuid7()
        await asyncio.gather(
            *(session.sign_in(subject, epoch=1) for _ in range(5)),
            session.end_subject(subject, epoch=2, keep=None),
            session.end_subject(subject, epoch=2, keep=None),
            return_exceptions=True,
        )
        live = await session.as_owner("SELECT FROM session WHERE subject_id = $1 AND ended_at IS NULL", subject)
        assert not live


async def test_the_list_has_ones_own_live_sessions_newest_first(session: SessionForTests) -> None:
    mine = [await session.sign_in()]
    mine += [await session.sign_in(mine[0].subject) for _ in range(4)]
    await session.sign_in()
    await session.end.revoke(session.caller(mine[0]), mine[2].session)
    subject = mine[0].subject
    first, following = await session.listing(subject, page_size=3, page_token="")
    second, end = await session.listing(subject, page_size=3, page_token=following)
    expected = [mine[4].session, mine[3].session, mine[1].session, mine[0].session]
    assert [view.session for view in (*first, *second)] == expected
    assert end == ""
    assert first[0].ip_address == CLIENT.address
    assert first[0].last_used_at == first[0].created_at
    with pytest.raises(PageTokenInvalid):
        await session.listing(session.ids.uuid7(), page_size=3, page_token=following)
    with pytest.raises(PageTokenInvalid):
        await session.listing(subject, page_size=3, page_token="AAAA")


async def test_an_exchanged_token_is_for_a_registered_audience_and_never_outlives_its_original(
    session: SessionForTests,
) -> None:
    subject = session.ids.uuid7()
    session.tenancy.join(subject, WORKSPACE)
    tokens = await session.sign_in(subject, workspace=WORKSPACE)
    holder = session.caller(tokens)
    with pytest.raises(AudienceUnknown):
        await session.exchange(holder, audience="wardenry")
    exchanged = session.reader.read((await session.exchange(holder, audience="records")).access_token)
    assert exchanged.audience == ("records",)
    assert (exchanged.workspace, exchanged.session) == (WORKSPACE, tokens.session)
    assert exchanged.expires_at - exchanged.issued_at <= timedelta(minutes=5)
    with pytest.raises(Unauthenticated):
        await session.verifier.verify(
            (await session.exchange(holder, audience="records")).access_token, audience="wardenry"
        )
    await session.end.sign_out(holder)
    with pytest.raises(SessionEnded):
        await session.exchange(holder, audience="records")
    assert (await session.leaves("token.exchanged"))[0].details["audience"] == "records"


async def test_introspection_is_right_while_a_session_is_being_revoked(session: SessionForTests) -> None:
    tokens = await session.sign_in()
    acknowledged = asyncio.Event()
    wrong = asked = 0

    async def ask_on() -> None:
        nonlocal wrong, asked
        asked_late = 0
        while asked_late < 25:
            late = acknowledged.is_set()
            active = await session.introspect(tokens.access_token) is not None
            wrong += late and active
            asked += 1
            asked_late += late
            await asyncio.sleep(0)

    async def revoke() -> None:
        while asked < 100:  # noqa: ASYNC110 - a count
            await asyncio.sleep(0.001)
        await session.end.sign_out(session.caller(tokens))
        acknowledged.set()

    await asyncio.gather(*(ask_on() for _ in range(8)), revoke())
    assert wrong == 0


async def test_the_feed_has_what_this_process_revokes_without_waiting(session: SessionForTests) -> None:
    async with SessionForTests(session.database, interval=3_600) as session, asyncio.timeout(30):
        tokens = await session.sign_in()
        with session.fanout.stream() as stream:
            updates = aiter(stream)
            session.feed.hurry()
            assert (await anext(updates)).snapshot
            await session.end.sign_out(session.caller(tokens))
            assert [row.session for row in (await anext(updates)).rows] == [tokens.session]
            await session.end_subject(tokens.subject, epoch=2, keep=None)
            assert [row.epoch for row in (await anext(updates)).rows] == [2]
