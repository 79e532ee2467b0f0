"""Whom a workspace knows is not invited again; what an invitation offers, declining it, and another in its place."""

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from libs.crypto.key_owner import InvitationOwner
from libs.events.caller import Visitor
from services.tenancy.commands.invitation import OpenInvitation
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.errors import (
    AddressInvited,
    AddressOfMember,
    InvitationExists,
    InvitationInvalid,
    InvitationUnknown,
    KeysUnavailable,
    PermissionMissing,
    RoleAboveOwn,
)
from services.tenancy.domain.invitation import LIFE
from services.tenancy.domain.membership import Contact
from tests.support.postgres import waits_for_a_lock
from tests.support.tenancy import Tenancy, secret_in
from wardenry.permissions import Role

BOB = "bob@example.com"


async def create(
    tenancy: Tenancy,
    insider: Insider,
    address: str = BOB,
    *,
    invitation_id: UUID | None = None,
    role: Role = Role.MEMBER,
) -> OpenInvitation:
    return await tenancy.invitations.create(
        insider, invitation_id=invitation_id or tenancy.ids.uuid7(), address=address, role=role
    )


async def test_an_address_is_invited_once_at_a_time_and_elsewhere_is_not_told(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    other = await tenancy.workspace(tenancy.person("Cid"), "looms")
    admin = await tenancy.joined(owner, tenancy.person("Dan"), Role.ADMIN)
    first = await create(tenancy, owner)
    keys = set(tenancy.vault.keys)
    for again in (owner, admin):
        with pytest.raises(AddressInvited):
            await create(tenancy, again, "BOB@Example.com", role=Role.MANAGER)
    assert set(tenancy.vault.keys) == keys, "what is refused leaves no key behind"
    assert (await create(tenancy, owner, invitation_id=first.invitation.id)).invitation.id == first.invitation.id
    await create(tenancy, other)
    # What has ended makes room.
    await tenancy.invitations.revoke(owner, invitation_id=first.invitation.id)
    await create(tenancy, owner)
    tenancy.clock.advance(LIFE.total_seconds())
    await create(tenancy, owner)
    (shown,) = (await tenancy.invitations.page(owner, before=None, limit=10)).items
    assert shown.address == BOB


async def test_a_member_is_not_invited_until_the_membership_ends(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    owner = await tenancy.workspace(ada, "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    for address in ("ada@example.com", BOB):
        with pytest.raises(AddressOfMember):
            await create(tenancy, owner, address)
    other = await tenancy.workspace(tenancy.person("Cid"), "looms")
    await create(tenancy, other)
    await tenancy.memberships.remove(member, subject=member.caller.subject)
    (row,) = await tenancy.as_administrator(
        "SELECT address_tag FROM membership WHERE subject_id = $1", member.caller.subject
    )
    assert row["address_tag"] is None
    await create(tenancy, owner)


async def test_nobody_is_told_who_is_known_without_the_right_to_invite(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    manager = await tenancy.joined(owner, tenancy.person("Bob"), Role.MANAGER)
    member = await tenancy.joined(owner, tenancy.person("Cid"), Role.MEMBER)
    with pytest.raises(RoleAboveOwn):
        await create(tenancy, manager, "ada@example.com", role=Role.OWNER)
    for role in (Role.MEMBER, Role.OWNER):
        with pytest.raises(PermissionMissing):
            await create(tenancy, replace(member, role=role), "ada@example.com")


async def test_of_two_that_invite_at_once_one_wins(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    admin = await tenancy.joined(owner, tenancy.person("Dan"), Role.ADMIN)
    answers = await asyncio.gather(*(create(tenancy, each) for each in [owner, admin] * 5), return_exceptions=True)
    assert sorted({type(answer).__name__ for answer in answers}) == ["AddressInvited", "OpenInvitation"]
    assert [type(answer) for answer in answers].count(OpenInvitation) == 1
    actions = [event.action for event in await tenancy.recorded(owner.workspace)]
    assert actions.count("user.invited") == 2  # Dan's, and the one


async def test_the_statement_waits_for_another_that_has_the_address(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    made = (await create(tenancy, owner)).invitation
    await tenancy.invitations.revoke(owner, invitation_id=made.id)
    tag = tenancy.index.member_tag(owner.workspace, BOB)

    async def add(*, ended: asyncio.Event | None) -> bool:
        async with tenancy.store.begin(
            workspaces=[owner.workspace], subject=owner.caller.subject, standing="administrator"
        ) as work:
            wanted = replace(made, id=tenancy.ids.uuid7())
            added = await work.invitations.add(wanted, member_tag=tag, mail_due_at=made.created_at)
            if ended is not None:
                began.set()
                await ended.wait()
            return added

    began, ended = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(add(ended=ended))
    await began.wait()
    second = asyncio.create_task(add(ended=None))
    await waits_for_a_lock(tenancy.stored.administrator)
    ended.set()
    assert (await first, await second) == (True, False)


async def test_each_statement_looks_for_itself(tenancy: Tenancy) -> None:
    # As it would be if the other invitation, or the member, came after the first look.
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    made = (await create(tenancy, owner, "eve@example.com")).invitation
    await tenancy.as_administrator("UPDATE invitation SET address_claim = NULL")
    for address in ("eve@example.com", BOB):
        async with tenancy.store.begin(
            workspaces=[owner.workspace], subject=owner.caller.subject, standing="administrator"
        ) as work:
            tag = tenancy.index.tag(owner.workspace, address)
            assert not await work.invitations.add(
                replace(made, id=tenancy.ids.uuid7(), address_tag=tag),
                member_tag=tenancy.index.member_tag(owner.workspace, address),
                mail_due_at=made.created_at,
            )


async def test_acceptance_and_another_invitation_at_once_never_leave_both(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    for number in range(5):
        bob, address = tenancy.person(f"Bob{number}"), f"bob{number}@example.com"
        invitation, secret = await tenancy.invited(owner, address, Role.MEMBER)
        accepted, *others = await asyncio.gather(
            tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret),
            *(create(tenancy, owner, address) for _ in range(3)),
            return_exceptions=True,
        )
        assert not isinstance(accepted, BaseException)
        assert {type(other) for other in others} <= {AddressInvited, AddressOfMember}


async def test_code_of_before_goes_on_beside_it(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    invited = (await create(tenancy, owner, "eve@example.com")).invitation
    # It claims no address, so what it stores twice is stored twice, and is known all the same.
    await tenancy.as_administrator("UPDATE invitation SET address_claim = NULL")
    await tenancy.as_administrator(
        "INSERT INTO invitation (workspace_id, invitation_id, role, inviter_id, address, address_tag, key_id,"
        " key_version, created_at, expires_at) SELECT workspace_id, $1, role, inviter_id, address, address_tag, key_id,"
        " key_version, created_at, expires_at FROM invitation WHERE invitation_id = $2",
        tenancy.ids.uuid7(),
        invited.id,
    )
    with pytest.raises(AddressInvited):
        await create(tenancy, owner, "eve@example.com")
    # It stores members without a blind index: they are found from the next invitation on.
    await tenancy.as_administrator("UPDATE membership SET address_tag = NULL")
    with pytest.raises(AddressOfMember):
        await create(tenancy, owner)
    (row,) = await tenancy.as_administrator("SELECT count(*) FROM membership WHERE address_tag IS NULL")
    assert row["count"] == 0
    # And ends memberships without a word about it.
    await tenancy.as_administrator(
        "UPDATE membership SET ended_at = now(), contact = NULL, epoch = epoch + 1 WHERE subject_id = $1",
        member.caller.subject,
    )
    (row,) = await tenancy.as_administrator("SELECT count(*) FROM membership WHERE address_tag IS NULL")
    assert row["count"] == 1
    with pytest.raises(asyncpg.CheckViolationError):
        await tenancy.as_administrator(
            "INSERT INTO membership (workspace_id, subject_id, role, epoch, joined_at, ended_at, key_id, key_version,"
            " audit_public_key, address_tag) SELECT workspace_id, gen_random_uuid(), role, 1, joined_at, now(), key_id,"
            " key_version, audit_public_key, sha256('tag') FROM membership LIMIT 1"
        )


async def test_who_has_another_contact_meanwhile_is_not_given_the_index_of_the_old_one(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    async with tenancy.store.begin(
        workspaces=[owner.workspace], subject=owner.caller.subject, standing="administrator"
    ) as work:
        (read,) = await work.memberships.untagged(owner.workspace, after=None, limit=10)
        key = await tenancy.vault.new_member(
            workspace=owner.workspace, subject=read.subject, contact=Contact(name="Ada", address="a@example.com")
        )
        assert await work.subject_data.replace_contact(read, key.sealed)
        await work.memberships.tag(owner.workspace, [(read, bytes(32))])
        assert [each.subject for each in await work.memberships.untagged(owner.workspace, after=None, limit=10)] == [
            read.subject
        ]


async def test_another_takes_the_place_of_an_open_one(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    admin = await tenancy.joined(owner, tenancy.person("Dan"), Role.ADMIN)
    earlier, secret = await tenancy.invited(owner, BOB, Role.MANAGER)
    renewed_id = tenancy.ids.uuid7()
    answers = await asyncio.gather(
        *(tenancy.invitations.renew(admin, invitation_id=earlier, renewed_id=renewed_id) for _ in range(4))
    )
    assert {(each.invitation.id, each.invitation.role, each.address) for each in answers} == {
        (renewed_id, Role.MANAGER, BOB)
    }
    actions = [event.action for event in await tenancy.recorded(owner.workspace)]
    assert actions[-2:] == ["invitation.revoked", "user.invited"]
    assert actions.count("invitation.revoked") == 1
    await tenancy.work.mail_invitations()
    bob = tenancy.person("Bob")
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(bob, invitation_id=earlier, secret=secret)
    # Now it is the second inviter's.
    joined = await tenancy.invitations.accept(bob, invitation_id=renewed_id, secret=secret_in(tenancy.mailer.sent[-1]))
    assert joined.role is Role.MANAGER


async def test_what_cannot_be_renewed_stays_as_it_is(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    eve = await tenancy.workspace(tenancy.person("Eve"), "looms")
    manager = await tenancy.joined(owner, tenancy.person("Dan"), Role.MANAGER)
    member = await tenancy.joined(owner, tenancy.person("Mel"), Role.MEMBER)
    earlier, _ = await tenancy.invited(owner, BOB, Role.ADMIN)
    other, _ = await tenancy.invited(owner, "cid@example.com", Role.ADMIN)
    for insider, refusal in ((eve, InvitationUnknown), (manager, RoleAboveOwn), (member, PermissionMissing)):
        with pytest.raises(refusal):
            await tenancy.invitations.renew(insider, invitation_id=earlier, renewed_id=tenancy.ids.uuid7())
    for taken in (other, earlier):
        with pytest.raises(InvitationExists):
            await tenancy.invitations.renew(owner, invitation_id=earlier, renewed_id=taken)
    tenancy.vault.down = True
    with pytest.raises(KeysUnavailable):
        await tenancy.invitations.renew(owner, invitation_id=earlier, renewed_id=tenancy.ids.uuid7())
    tenancy.vault.down = False
    assert len((await tenancy.invitations.page(owner, before=None, limit=10)).items) == 2
    await tenancy.invitations.revoke(owner, invitation_id=earlier)
    with pytest.raises(InvitationUnknown):
        await tenancy.invitations.renew(owner, invitation_id=earlier, renewed_id=tenancy.ids.uuid7())


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
    await create(tenancy, owner)


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
