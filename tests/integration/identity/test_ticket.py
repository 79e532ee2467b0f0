"""Tickets: spent once, by one session, in one browser."""

import asyncio
from uuid import uuid4

import pytest

from services.identity.domain.errors import TicketInvalid
from services.identity.domain.ticket import Redemption
from tests.support.identity import BROWSER, IdentityForTests

ADDRESS = "ada@example.org"


async def ticket_of(identity: IdentityForTests) -> bytes:
    await identity.signed_up(ADDRESS)
    return (await identity.sign_in(ADDRESS)).ticket


async def test_the_same_redemption_may_ask_again(identity: IdentityForTests) -> None:
    ticket, redemption_id = await ticket_of(identity), uuid4()
    first = await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=redemption_id)
    identity.clock.advance(10)
    again = await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=redemption_id)
    assert first == again


async def test_another_redemption_is_refused(identity: IdentityForTests) -> None:
    ticket = await ticket_of(identity)
    await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=uuid4())
    with pytest.raises(TicketInvalid):
        await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=uuid4())


async def test_of_twenty_redemptions_at_once_one_wins(identity: IdentityForTests) -> None:
    ticket = await ticket_of(identity)
    outcomes = await asyncio.gather(
        *(identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=uuid4()) for _ in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Redemption) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, TicketInvalid) for outcome in outcomes) == 19


async def test_it_works_in_its_browser_alone(identity: IdentityForTests) -> None:
    ticket = await ticket_of(identity)
    with pytest.raises(TicketInvalid):
        await identity.redeem_ticket(ticket=ticket, browser_binding=b"x" * 32, redemption_id=uuid4())
    await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=uuid4())


async def test_it_expires_after_a_minute_also_for_who_spent_it(identity: IdentityForTests) -> None:
    ticket, redemption_id = await ticket_of(identity), uuid4()
    await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=redemption_id)
    identity.clock.advance(60)
    with pytest.raises(TicketInvalid):
        await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=redemption_id)


async def test_an_unknown_one_is_refused_alike(identity: IdentityForTests) -> None:
    with pytest.raises(TicketInvalid):
        await identity.redeem_ticket(ticket=b"t" * 32, browser_binding=BROWSER, redemption_id=uuid4())


async def test_it_is_stored_as_a_hash(identity: IdentityForTests) -> None:
    ticket = await ticket_of(identity)
    rows = await identity.as_administrator("SELECT t::text AS row FROM ticket AS t")
    assert len(rows) == 2
    assert all(ticket.hex() not in row["row"] for row in rows)
