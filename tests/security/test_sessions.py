"""Cases 22 and 23: fixation, two people on one browser, other people's identifiers."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from services.session.commands.token import Tokens
from services.session.domain.errors import NotMember, PageTokenInvalid, RefreshInvalid, SessionNotFound
from tests.support.postgres import ServiceDatabases
from tests.support.session import CLIENT, DEVICE, SessionForTests
from wardenry.errors.error import Unauthenticated

WORKSPACE = UUID("0192f0c0-0000-7000-8000-0000000000aa")


@pytest.fixture
async def session(service_database: ServiceDatabases) -> AsyncIterator[SessionForTests]:
    async with SessionForTests(service_database("session")) as parts:
        yield parts


async def create(session: SessionForTests, session_id: UUID, subject: UUID) -> Tokens:
    ticket = session.ids.uuid7().bytes * 2
    session.tickets.issue(ticket, subject)
    return await session.create(
        session=session_id, ticket=ticket, browser_binding=bytes(32), device_binding=DEVICE, client=CLIENT
    )


async def test_each_sign_in_is_another_session_with_other_tokens(session: SessionForTests) -> None:
    subject = session.ids.uuid7()
    first, second = await session.sign_in(subject), await session.sign_in(subject)
    assert first.session != second.session
    assert first.refresh_token != second.refresh_token
    await session.end.sign_out(session.caller(first))
    await session.refreshed(second)


async def test_a_session_id_planted_before_gives_nothing_of_the_one_who_signs_in(session: SessionForTests) -> None:
    """Fixation: whoever knows or chose the id holds no token, and two people under one id stay two."""
    planted, attacker, victim = session.ids.uuid7(), session.ids.uuid7(), session.ids.uuid7()
    attackers = await create(session, planted, attacker)
    victims = await create(session, planted, victim)
    assert session.reader.read(attackers.access_token).subject == attacker
    assert (await session.refreshed(attackers)).subject == attacker
    assert (await session.refreshed(victims)).subject == victim
    (mine, _) = await session.listing(attacker, page_size=0, page_token="")
    assert len(mine) == 1


async def test_two_people_on_one_browser_are_two(session: SessionForTests) -> None:
    ada, bob = await session.sign_in(), await session.sign_in()
    await session.end.sign_out(session.caller(ada))
    assert (await session.refreshed(bob)).subject == bob.subject
    with pytest.raises(RefreshInvalid):
        await session.refreshed(ada)


async def test_someone_elses_session_is_as_unknown_as_none(session: SessionForTests) -> None:
    mine, other = await session.sign_in(), await session.sign_in()
    refusals = []
    for target in (other.session, session.ids.uuid7()):
        with pytest.raises(SessionNotFound) as refused:
            await session.end.revoke(session.caller(mine), target)
        refusals.append(refused.value.args)
    assert refusals[0] == refusals[1]
    await session.refreshed(other)


async def test_someone_elses_page_token_is_none(session: SessionForTests) -> None:
    victim, attacker = await session.sign_in(), await session.sign_in()
    await session.sign_in(victim.subject)
    _, following = await session.listing(victim.subject, page_size=1, page_token="")
    for token in (following, following[:-2] + "AA", following + "AA"):
        with pytest.raises(PageTokenInvalid):
            await session.listing(attacker.subject, page_size=1, page_token=token)


async def test_a_foreign_workspace_is_as_unknown_as_none(session: SessionForTests) -> None:
    member, stranger = await session.sign_in(), await session.sign_in()
    session.tenancy.join(member.subject, WORKSPACE)
    refusals = []
    for workspace in (WORKSPACE, session.ids.uuid7()):
        with pytest.raises(NotMember) as refused:
            await session.create_grant(
                session.caller(stranger),
                grant=session.ids.uuid7(),
                workspace=workspace,
                audience="wardenry",
                device_binding=DEVICE,
            )
        refusals.append(refused.value.args)
    assert refusals[0] == refusals[1]


async def test_after_a_credential_change_no_earlier_token_works(session: SessionForTests) -> None:
    """Invariant 6, with sign-ins, refreshes and exchanges in flight."""
    subject = session.ids.uuid7()
    before = [await session.sign_in(subject) for _ in range(5)]
    answers = await asyncio.gather(
        *(session.refreshed(tokens) for tokens in before),
        *(session.sign_in(subject) for _ in range(5)),
        session.end_subject(subject, epoch=2, keep=None),
        return_exceptions=True,
    )
    issued = [*before, *(each for each in answers if isinstance(each, Tokens))]
    for tokens in issued:
        assert await session.introspect(tokens.access_token) is None
        with pytest.raises(Unauthenticated):
            await session.verifier.verify(tokens.access_token, audience="wardenry")
        with pytest.raises(RefreshInvalid):
            await session.refreshed(tokens)


async def test_an_expired_membership_does_not_come_back_with_an_old_grant(session: SessionForTests) -> None:
    subject = session.ids.uuid7()
    session.tenancy.join(subject, WORKSPACE, epoch=1)
    tokens = await session.sign_in(subject, workspace=WORKSPACE)
    del session.tenancy.members[subject, WORKSPACE]
    with pytest.raises(RefreshInvalid):
        await session.refreshed(tokens)
    session.tenancy.join(subject, WORKSPACE, role="owner", epoch=3)
    with pytest.raises(RefreshInvalid):
        await session.refreshed(tokens)
    assert await session.introspect(tokens.access_token) is None
