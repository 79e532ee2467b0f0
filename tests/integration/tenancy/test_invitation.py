"""Whom a workspace knows, nobody invites; who may not, invites nobody; and another takes the place of an open one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

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
from services.tenancy.domain.ports import NewKey
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


def before_the_key(tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[object]]) -> None:
    """Has `act` happen between the look at who invites and the statement that invites: while the key is made."""
    new_invitation = tenancy.vault.new_invitation

    async def late(*, workspace: UUID, invitation: UUID, address: str) -> NewKey:
        await act()
        return await new_invitation(workspace=workspace, invitation=invitation, address=address)

    monkeypatch.setattr(tenancy.vault, "new_invitation", late)


@pytest.mark.parametrize("how", ["removed", "role taken"])
@pytest.mark.parametrize("what", ["create", "renew"])
async def test_who_loses_the_right_to_invite_meanwhile_invites_nobody(
    tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch, what: str, how: str
) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    admin = await tenancy.joined(owner, tenancy.person("Dan"), Role.ADMIN)
    earlier = (await create(tenancy, owner)).invitation.id
    subject = admin.caller.subject

    async def lose_it() -> None:
        if how == "removed":
            await tenancy.memberships.remove(owner, subject=subject)
        else:
            await tenancy.memberships.change_role(owner, subject=subject, role=Role.MEMBER)

    before_the_key(tenancy, monkeypatch, lose_it)
    if what == "create":
        inviting = create(tenancy, admin, "eve@example.com")
    else:
        inviting = tenancy.invitations.renew(admin, invitation_id=earlier, renewed_id=tenancy.ids.uuid7())
    with pytest.raises(PermissionMissing):
        await inviting
    (shown,) = (await tenancy.invitations.page(owner, before=None, limit=10)).items
    assert shown.invitation.id == earlier
    (row,) = await tenancy.as_administrator("SELECT count(*) FROM invitation WHERE inviter_id = $1", subject)
    assert row["count"] == 0
    actions = [event.action for event in await tenancy.recorded(owner.workspace)]
    assert actions.count("user.invited") == 2, "Dan's and the earlier one's"
    assert "invitation.revoked" not in actions


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


async def test_a_member_is_found_however_identity_spelt_the_address(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada", address="Ada@Example.com"), "engines")
    with pytest.raises(AddressOfMember):
        await create(tenancy, owner, "ada@example.com")


async def test_a_member_whose_address_is_none_is_in_nobodys_way(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada", address="no address"), "engines")
    await create(tenancy, owner)


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


async def test_what_code_of_before_sent_beside_an_expired_one_is_renewed(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    expired, opened, renewed = (await create(tenancy, owner)).invitation, tenancy.ids.uuid7(), tenancy.ids.uuid7()
    tenancy.clock.advance(LIFE.total_seconds())
    # It claims no address and lets none go: the expired one's claim is still there.
    await tenancy.as_administrator(
        "INSERT INTO invitation (workspace_id, invitation_id, role, inviter_id, address, address_tag, key_id,"
        " key_version, created_at, expires_at) SELECT workspace_id, $1, role, inviter_id, address, address_tag, key_id,"
        " key_version, expires_at, expires_at + $3 FROM invitation WHERE invitation_id = $2",
        opened,
        expired.id,
        LIFE,
    )
    # A sealed value stays in its row: the one of this test's is what the vault would have sealed for it.
    sealed = await tenancy.vault.new_invitation(workspace=owner.workspace, invitation=opened, address=BOB)
    await tenancy.as_administrator(
        "UPDATE invitation SET address = $2, key_id = $3, key_version = $4 WHERE invitation_id = $1",
        opened,
        sealed.sealed,
        sealed.audit.reference.key_id,
        sealed.audit.reference.version,
    )
    await tenancy.invitations.renew(owner, invitation_id=opened, renewed_id=renewed)
    (shown,) = (await tenancy.invitations.page(owner, before=None, limit=10)).items
    assert (shown.invitation.id, shown.address) == (renewed, BOB)


async def test_what_was_sent_before_and_has_ended_is_not_told_as_sent(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    made, renewed = tenancy.ids.uuid7(), tenancy.ids.uuid7()
    await create(tenancy, owner, invitation_id=made)
    await tenancy.invitations.renew(owner, invitation_id=made, renewed_id=renewed)
    await tenancy.invitations.revoke(owner, invitation_id=renewed)
    with pytest.raises(InvitationExists):
        await create(tenancy, owner, invitation_id=made)
    with pytest.raises(InvitationExists):
        await tenancy.invitations.renew(owner, invitation_id=made, renewed_id=renewed)


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
    keys = set(tenancy.vault.keys)
    with pytest.raises(InvitationUnknown):
        await tenancy.invitations.renew(owner, invitation_id=earlier, renewed_id=tenancy.ids.uuid7())
    assert set(tenancy.vault.keys) == keys, "what is refused leaves no key behind"
