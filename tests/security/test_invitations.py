"""Invitations: secret, workspace and address all bound; a role at most the inviter's present one; once. Links come from
the configured origin alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from libs.crypto.key_owner import InvitationOwner, SubjectOwner
from libs.mail.address import AddressInvalid
from services.tenancy.domain.errors import (
    ContactsUnavailable,
    InvitationExists,
    InvitationInvalid,
    InvitationUnknown,
    KeysUnavailable,
    MemberAlready,
    PermissionMissing,
    RoleAboveOwn,
)
from services.tenancy.domain.membership import Contact
from tests.support.postgres import ServiceDatabases
from tests.support.tenancy import ORIGIN, Tenancy, secret_in
from wardenry.permissions import Role

WEEK = 7 * 24 * 3600


@pytest.fixture
async def tenancy(service_database: ServiceDatabases) -> AsyncIterator[Tenancy]:
    world = Tenancy(stored=service_database("tenancy"))
    await world.open()
    yield world
    await world.close()


async def test_an_invitation_is_mailed_recorded_and_accepted(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    bob = tenancy.person("Bob")
    invitation, secret = await tenancy.invited(owner, "Bob@Example.COM", Role.MANAGER)
    (mail,) = tenancy.mailer.sent
    assert mail.recipient == "bob@example.com"
    words = mail.text.split()
    assert "Engines" in words
    assert "as manager." in mail.text
    assert any(word.startswith(f"{ORIGIN}/invitations/{invitation}#") for word in words)
    joined = await tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret)
    assert (joined.workspace.slug, joined.role) == ("engines", Role.MANAGER)
    invited, accepted = (await tenancy.recorded(owner.workspace))[1:]
    assert [invited.action, accepted.action] == ["user.invited", "invitation.accepted"]
    invitee = tenancy.vault.audit_key(InvitationOwner(invitation=invitation, workspace=owner.workspace))
    assert invited.personal("target", invitee) == {"address": "bob@example.com"}
    assert b"bob@" not in invited.envelope.leaf
    assert accepted.leaf.actor.id == bob.subject.bytes
    assert tenancy.waked == ["mail", "adoption"]
    await tenancy.work.adopt_keys()
    assert [(each.invitation, each.subject) for each in tenancy.vault.adopted] == [(invitation, bob.subject)]
    await tenancy.work.adopt_keys()
    assert len(tenancy.vault.adopted) == 1


async def test_neither_the_secret_nor_the_address_is_readable_in_the_database(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    _, secret = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    (row,) = await tenancy.as_administrator("SELECT invitation::text AS everything FROM invitation")
    assert secret.hex() not in row["everything"]
    assert b"bob".hex() not in row["everything"]


async def test_an_invitation_works_once_under_twenty_tries_at_once(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    # One mailbox, two subjects that identity believes own it: the worst case for "once".
    callers = [tenancy.person("Bob"), tenancy.person("Bob")]
    invitation, secret = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    answers = await asyncio.gather(
        *(tenancy.invitations.accept(callers[n % 2], invitation_id=invitation, secret=secret) for n in range(20)),
        return_exceptions=True,
    )
    names = [type(answer).__name__ for answer in answers]
    assert names.count("Joined") == 1
    assert set(names) <= {"Joined", "InvitationInvalid"}
    (row,) = await tenancy.as_administrator("SELECT count(*) AS members FROM membership WHERE role = 'member'")
    assert row["members"] == 1
    assert [event.action for event in await tenancy.recorded(owner.workspace)].count("invitation.accepted") == 1


async def test_everything_about_an_invitation_is_bound(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    other = await tenancy.workspace(tenancy.person("Cid"), "looms")
    bob, eve = tenancy.person("Bob"), tenancy.person("Eve")
    invitation, secret = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    foreign, foreign_secret = await tenancy.invited(other, "bob@example.com", Role.MEMBER)
    wrong = [
        (bob, invitation, foreign_secret),
        (bob, foreign, secret),
        (bob, invitation, bytes(32)),
        (bob, tenancy.ids.uuid7(), secret),
        (eve, invitation, secret),
        (replace(bob, subject=tenancy.ids.uuid7()), invitation, secret),
    ]
    for caller, tried, with_secret in wrong:
        with pytest.raises(InvitationInvalid):
            await tenancy.invitations.accept(caller, invitation_id=tried, secret=with_secret)
    assert SubjectOwner(subject=eve.subject, workspace=owner.workspace) not in tenancy.vault.keys
    await tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret)


async def test_an_id_that_another_workspace_uses_too_leads_to_the_right_one(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    eve = await tenancy.workspace(tenancy.person("Eve"), "looms")
    bob = tenancy.person("Bob")
    invitation, secret = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    await tenancy.invitations.create(eve, invitation_id=invitation, address="bob@example.com", role=Role.MEMBER)
    await tenancy.work.mail_invitations()
    joined = await tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret)
    assert joined.workspace.id == owner.workspace


async def test_an_invitation_ends_after_seven_days(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    bob = tenancy.person("Bob")
    invitation, secret = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    tenancy.clock.advance(WEEK)
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret)
    assert (await tenancy.invitations.page(owner, before=None, limit=10)).items == []


async def test_a_revoked_invitation_is_dead(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    invitation, secret = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    await tenancy.invitations.revoke(owner, invitation_id=invitation)
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(tenancy.person("Bob"), invitation_id=invitation, secret=secret)
    with pytest.raises(InvitationUnknown):
        await tenancy.invitations.revoke(owner, invitation_id=invitation)
    assert [event.action for event in await tenancy.recorded(owner.workspace)].count("invitation.revoked") == 1


async def test_acceptance_and_revocation_at_once_have_one_winner(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    for number in range(5):
        bob = tenancy.person(f"Bob{number}")
        invitation, secret = await tenancy.invited(owner, f"bob{number}@example.com", Role.MEMBER)
        answers = await asyncio.gather(
            tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret),
            tenancy.invitations.revoke(owner, invitation_id=invitation),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, Exception) for answer in answers) == 1


async def test_a_role_above_the_own_cannot_be_given_whatever_the_token_says(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    manager = await tenancy.joined(owner, tenancy.person("Bob"), Role.MANAGER)
    member = await tenancy.joined(owner, tenancy.person("Cid"), Role.MEMBER)
    for role in (Role.ADMIN, Role.OWNER):
        for insider in (manager, replace(manager, role=Role.OWNER)):
            with pytest.raises(RoleAboveOwn):
                await tenancy.invitations.create(
                    insider, invitation_id=tenancy.ids.uuid7(), address="dan@example.com", role=role
                )
    with pytest.raises(PermissionMissing):
        await tenancy.invitations.create(
            replace(member, role=Role.OWNER),
            invitation_id=tenancy.ids.uuid7(),
            address="dan@example.com",
            role=Role.MEMBER,
        )
    assert len(tenancy.mailer.sent) == 2


async def test_an_inviter_who_may_not_any_more_takes_the_invitation_along(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    admin = await tenancy.joined(owner, tenancy.person("Bob"), Role.ADMIN)
    dan, eli = tenancy.person("Dan"), tenancy.person("Eli")
    as_admin = await tenancy.invited(admin, "dan@example.com", Role.ADMIN)
    as_member = await tenancy.invited(admin, "eli@example.com", Role.MEMBER)
    await tenancy.memberships.change_role(owner, subject=admin.caller.subject, role=Role.MANAGER)
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(dan, invitation_id=as_admin[0], secret=as_admin[1])
    await tenancy.memberships.remove(owner, subject=admin.caller.subject)
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(eli, invitation_id=as_member[0], secret=as_member[1])


async def test_acceptance_races_the_inviters_removal(tenancy: Tenancy) -> None:
    """Whichever comes first, nobody gets in after the removal by the removed one's leave."""
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    for number in range(5):
        admin = await tenancy.joined(owner, tenancy.person(f"Admin{number}"), Role.ADMIN)
        dan = tenancy.person(f"Dan{number}")
        invitation, secret = await tenancy.invited(admin, f"dan{number}@example.com", Role.ADMIN)
        await asyncio.gather(
            tenancy.invitations.accept(dan, invitation_id=invitation, secret=secret),
            tenancy.memberships.remove(owner, subject=admin.caller.subject),
            return_exceptions=True,
        )
        events = [event.action for event in await tenancy.recorded(owner.workspace)][-2:]
        assert events != ["member.removed", "invitation.accepted"]


async def test_a_member_cannot_accept_again(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    # Identity knows Bob by another address by now, and the workspace does not.
    invitation, secret = await tenancy.invited(owner, "robert@example.com", Role.ADMIN)
    tenancy.directory.known[member.caller.subject] = Contact(name="Bob", address="robert@example.com")
    with pytest.raises(MemberAlready):
        await tenancy.invitations.accept(member.caller, invitation_id=invitation, secret=secret)


async def test_asking_again_mails_nothing_and_another_invitation_does_not_fit(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    invitation, _ = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    again = await tenancy.invitations.create(
        owner, invitation_id=invitation, address="BOB@example.com", role=Role.MEMBER
    )
    await tenancy.work.mail_invitations()
    assert (again.invitation.id, len(tenancy.mailer.sent)) == (invitation, 1)
    for address, role in (("eve@example.com", Role.MEMBER), ("bob@example.com", Role.ADMIN)):
        with pytest.raises(InvitationExists):
            await tenancy.invitations.create(owner, invitation_id=invitation, address=address, role=role)
    assert [event.action for event in await tenancy.recorded(owner.workspace)].count("user.invited") == 1


async def test_another_workspaces_invitation_is_unknown(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    eve = await tenancy.workspace(tenancy.person("Eve"), "looms")
    invitation, _ = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    with pytest.raises(InvitationUnknown):
        await tenancy.invitations.revoke(eve, invitation_id=invitation)
    assert (await tenancy.invitations.page(eve, before=None, limit=10)).items == []


async def test_a_mail_server_that_is_down_loses_nothing(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    bob = tenancy.person("Bob")
    tenancy.mailer.down = True
    invitation = tenancy.ids.uuid7()
    await tenancy.invitations.create(owner, invitation_id=invitation, address="bob@example.com", role=Role.MEMBER)
    await tenancy.work.mail_invitations()
    await tenancy.work.mail_invitations()
    assert (tenancy.mailer.tried, tenancy.mailer.sent) == (1, []), "a pause lies between two tries"
    tenancy.mailer.down = False
    tenancy.clock.advance(15)
    await tenancy.work.mail_invitations()
    (mail,) = tenancy.mailer.sent
    tenancy.clock.advance(3600)
    await tenancy.work.mail_invitations()
    assert len(tenancy.mailer.sent) == 1, "what is out is not sent again"
    await tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret_in(mail))


async def test_a_mail_that_is_refused_for_good_is_not_tried_again(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    tenancy.mailer.refuses = True
    invitation = tenancy.ids.uuid7()
    await tenancy.invitations.create(owner, invitation_id=invitation, address="bob@example.com", role=Role.MEMBER)
    await tenancy.work.mail_invitations()
    tenancy.clock.advance(3600)
    await tenancy.work.mail_invitations()
    assert tenancy.mailer.tried == 1


async def test_many_mailers_mail_each_invitation_once(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    for number in range(10):
        await tenancy.invitations.create(
            owner, invitation_id=tenancy.ids.uuid7(), address=f"p{number}@example.com", role=Role.MEMBER
        )
    await asyncio.gather(*(tenancy.work.mail_invitations() for _ in range(4)))
    assert sorted(mail.recipient for mail in tenancy.mailer.sent) == sorted(f"p{n}@example.com" for n in range(10))


async def test_a_key_that_was_destroyed_is_never_mailed(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    invitation = tenancy.ids.uuid7()
    await tenancy.invitations.create(owner, invitation_id=invitation, address="bob@example.com", role=Role.MEMBER)
    tenancy.vault.destroy(InvitationOwner(invitation=invitation, workspace=owner.workspace))
    await tenancy.work.mail_invitations()
    tenancy.clock.advance(3600)
    await tenancy.work.mail_invitations()
    assert tenancy.mailer.tried == 0
    (shown,) = (await tenancy.invitations.page(owner, before=None, limit=10)).items
    assert shown.address == ""


async def test_an_adoption_waits_for_the_vault(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    tenancy.vault.down = True
    with pytest.raises(KeysUnavailable):
        await tenancy.work.adopt_keys()
    tenancy.vault.down = False
    await tenancy.work.adopt_keys()
    assert len(tenancy.vault.adopted) == 1


async def test_nothing_is_spent_while_identity_is_away(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    bob = tenancy.person("Bob")
    invitation, secret = await tenancy.invited(owner, "bob@example.com", Role.MEMBER)
    tenancy.directory.down = True
    with pytest.raises(ContactsUnavailable):
        await tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret)
    tenancy.directory.down = False
    await tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret)


async def test_open_invitations_are_shown_newest_first(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    for number in range(3):
        await tenancy.invited(owner, f"p{number}@example.com", Role.MEMBER)
        tenancy.clock.advance(1)
    first = await tenancy.invitations.page(owner, before=None, limit=2)
    last = first.items[-1].invitation
    rest = await tenancy.invitations.page(owner, before=(last.created_at, last.id), limit=2)
    assert [each.address for each in [*first.items, *rest.items]] == [
        "p2@example.com",
        "p1@example.com",
        "p0@example.com",
    ]


@pytest.mark.parametrize(
    "address",
    [
        "bob",
        "@example.com",
        "bob@",
        "bob@localhost",
        "bob@@example.com",
        "a@b@example.com",
        "bob@example.com\r\nBcc: eve@example.com",
        "bob@example.com,eve@example.com",
        "Bob <bob@example.com>",
        "bob@-example.com",
        "bob@" + "a" * 250 + ".com",
        "bob@exam\u202eple.com",
    ],
)
async def test_what_is_no_single_address_is_refused(tenancy: Tenancy, address: str) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    with pytest.raises(AddressInvalid):
        await tenancy.invitations.create(owner, invitation_id=tenancy.ids.uuid7(), address=address, role=Role.MEMBER)


async def test_invitations_that_ended_long_ago_are_deleted_once_their_keys_are_settled(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = tenancy.person("Bob")
    await tenancy.joined(owner, member, Role.MEMBER)
    await tenancy.invited(owner, "cid@example.com", Role.MEMBER)
    await tenancy.invited(owner, "dan@example.com", Role.MEMBER)
    await tenancy.as_administrator(
        "UPDATE invitation SET created_at = created_at - interval '60 days', expires_at = now() - interval '31 days'"
        " WHERE invitation_id <> (SELECT invitation_id FROM invitation ORDER BY invitation_id DESC LIMIT 1)"
    )
    await tenancy.work.prune()
    left = await tenancy.as_administrator("SELECT accepted_by FROM invitation")
    assert {row["accepted_by"] for row in left} == {None, member.subject}
    await tenancy.work.adopt_keys()
    await tenancy.work.prune()
    assert [row["accepted_by"] for row in await tenancy.as_administrator("SELECT accepted_by FROM invitation")] == [
        None
    ]
