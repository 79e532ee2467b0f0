"""What an invitation offers to who holds its secret, and declining it."""

import asyncio
from uuid import UUID

import pytest

from libs.crypto.key_owner import InvitationOwner
from libs.events.caller import Visitor
from services.tenancy.domain.errors import InvitationInvalid
from services.tenancy.domain.invitation import LIFE
from tests.support.tenancy import Tenancy
from wardenry.permissions import Role

BOB = "bob@example.com"


async def test_an_offer_is_for_who_holds_the_secret_while_it_is_open(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    invitation, secret = await tenancy.invited(owner, BOB, Role.MANAGER)
    offer = await tenancy.offers.look(invitation_id=invitation, secret=secret)
    assert (offer.workspace, offer.role, offer.inviter) == ("Engines", Role.MANAGER, "Ada")
    assert offer.expires_at - LIFE <= tenancy.clock.now()
    other, other_secret = await tenancy.invited(owner, "cid@example.com", Role.MEMBER)
    for tried, presented in ((invitation, bytes(32)), (other, secret), (invitation, other_secret)):
        with pytest.raises(InvitationInvalid):
            await tenancy.offers.look(invitation_id=tried, secret=presented)
    tenancy.clock.advance(LIFE.total_seconds())
    with pytest.raises(InvitationInvalid):
        await tenancy.offers.look(invitation_id=invitation, secret=secret)


async def test_an_offer_ends_with_the_inviters_right_to_make_it(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    admin = await tenancy.joined(owner, tenancy.person("Dan"), Role.ADMIN)
    invitation, secret = await tenancy.invited(admin, BOB, Role.ADMIN)
    await tenancy.memberships.change_role(owner, subject=admin.caller.subject, role=Role.MANAGER)
    with pytest.raises(InvitationInvalid):
        await tenancy.offers.look(invitation_id=invitation, secret=secret)


async def test_the_first_operator_is_invited_by_nobody(tenancy: Tenancy) -> None:
    invitation, secret = await tenancy.founder_invited("ada@example.com")
    offer = await tenancy.offers.look(invitation_id=invitation, secret=secret)
    assert (offer.role, offer.inviter) == (Role.OWNER, "")


async def decline(tenancy: Tenancy, invitation: UUID, secret: bytes) -> None:
    visitor = Visitor(client_id="gateway", client=tenancy.person("Somebody").client)
    await tenancy.offers.decline(visitor, invitation_id=invitation, secret=secret)


async def test_an_invitation_is_declined_once_and_that_is_recorded(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    invitation, secret = await tenancy.invited(owner, BOB, Role.MEMBER)
    with pytest.raises(InvitationInvalid):
        await decline(tenancy, invitation, bytes(32))
    answers = await asyncio.gather(*(decline(tenancy, invitation, secret) for _ in range(10)), return_exceptions=True)
    assert answers.count(None) == 1
    assert {type(answer) for answer in answers} == {type(None), InvitationInvalid}
    events = await tenancy.recorded(owner.workspace)
    assert [event.action for event in events].count("invitation.declined") == 1
    (declined,) = [event for event in events if event.action == "invitation.declined"]
    assert (declined.leaf.target.id, declined.leaf.actor.client) == (invitation.bytes, "gateway")
    invitee = tenancy.vault.audit_key(InvitationOwner(invitation=invitation, workspace=owner.workspace))
    assert declined.personal("actor", invitee)["ip_address"] == "192.0.2.7"
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(tenancy.person("Bob"), invitation_id=invitation, secret=secret)
    assert (await tenancy.invitations.page(owner, before=None, limit=10)).items == []
    await tenancy.invited(owner, BOB, Role.MEMBER)


async def test_acceptance_and_decline_at_once_have_one_winner(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    for number in range(5):
        bob = tenancy.person(f"Bob{number}")
        invitation, secret = await tenancy.invited(owner, f"bob{number}@example.com", Role.MEMBER)
        answers = await asyncio.gather(
            tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret),
            decline(tenancy, invitation, secret),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, InvitationInvalid) for answer in answers) == 1


async def test_who_was_erased_from_the_workspace_can_still_decline(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    invitation, secret = await tenancy.invited(owner, BOB, Role.MEMBER)
    tenancy.vault.destroy(InvitationOwner(invitation=invitation, workspace=owner.workspace))
    await decline(tenancy, invitation, secret)
    assert (await tenancy.recorded(owner.workspace))[-1].action == "invitation.declined"
