"""Listing, changing and ending memberships, on the real database under the runtime role."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from libs.crypto.key_owner import SubjectOwner
from libs.feed.replica import Replicas
from services.tenancy.commands.permission import Question
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.errors import LastOwner, MemberUnknown, PermissionMissing, RoleAboveOwn
from services.tenancy.domain.membership import MembershipKey
from services.tenancy.store.membership_change import PostgresMembershipSource
from tests.support.tenancy import Tenancy
from wardenry.permissions import Permission, Role


async def roles(tenancy: Tenancy, workspace: UUID) -> dict[UUID, str]:
    rows = await tenancy.as_administrator(
        "SELECT subject_id, role FROM membership WHERE workspace_id = $1 AND ended_at IS NULL", workspace
    )
    return {row["subject_id"]: row["role"] for row in rows}


async def changes(tenancy: Tenancy, workspace: UUID) -> list[tuple[UUID, int, str]]:
    rows = await tenancy.as_administrator(
        "SELECT subject_id, epoch, role FROM membership_change WHERE workspace_id = $1 ORDER BY changed_at", workspace
    )
    return [(row["subject_id"], row["epoch"], row["role"]) for row in rows]


async def test_members_see_one_another_and_addresses_by_their_role(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    for asking, addresses in ((owner, {"ada@example.com", "bob@example.com"}), (member, {""})):
        seen = (await tenancy.memberships.page(asking, after=None, limit=10)).items
        assert [each.membership.subject for each in seen] == sorted([owner.caller.subject, member.caller.subject])
        assert {each.contact.name for each in seen} == {"Ada", "Bob"}
        assert {each.contact.address for each in seen} == addresses
    first = await tenancy.memberships.page(owner, after=None, limit=1)
    rest = await tenancy.memberships.page(owner, after=first.items[0].membership.subject, limit=1)
    assert first.items[0].membership.subject < rest.items[0].membership.subject
    assert (first.more, rest.more) == (True, False)


async def test_an_erased_member_has_neither_name_nor_address(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    tenancy.vault.destroy(SubjectOwner(subject=member.caller.subject, workspace=owner.workspace))
    page = await tenancy.memberships.page(owner, after=None, limit=10)
    seen = {member.membership.subject: member.contact for member in page.items}
    assert (seen[member.caller.subject].name, seen[member.caller.subject].address) == ("", "")
    assert seen[owner.caller.subject].name == "Ada"


async def test_a_changed_role_raises_the_epoch_and_is_told_and_recorded(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    bob = member.caller.subject
    for _ in range(2):  # the second time nothing changes
        changed = await tenancy.memberships.change_role(owner, subject=bob, role=Role.MANAGER)
        assert (changed.membership.role, changed.membership.epoch, changed.contact.name) == (Role.MANAGER, 2, "Bob")
    assert (await changes(tenancy, owner.workspace))[-2:] == [(bob, 1, "member"), (bob, 2, "manager")]
    *_, event = await tenancy.recorded(owner.workspace)
    assert (event.action, dict(event.leaf.details)) == ("user.role_changed", {"from": "member", "to": "manager"})
    assert (event.leaf.target.kind, event.leaf.target.id) == ("subject", bob.bytes)
    payload = event.envelope.membership_changed
    assert (payload.subject, payload.workspace) == (bob.bytes, owner.workspace.bytes)
    assert (payload.epoch, payload.role) == (2, "manager")
    assert [each.action for each in await tenancy.recorded(owner.workspace)].count("user.role_changed") == 1


async def test_the_feed_has_what_this_process_changes_without_waiting(tenancy: Tenancy) -> None:
    quiet = Tenancy(stored=tenancy.stored, interval=3_600)
    await quiet.open()
    try:
        owner = await quiet.workspace(quiet.person("Ada"), "engines")
        member = await quiet.joined(owner, quiet.person("Bob"), Role.MEMBER)
        async with asyncio.timeout(30):
            with quiet.fanout.stream() as stream:
                updates = aiter(stream)
                quiet.feed.hurry()
                assert (await anext(updates)).snapshot
                await quiet.memberships.change_role(owner, subject=member.caller.subject, role=Role.MANAGER)
                assert [row.role for row in (await anext(updates)).rows] == ["manager"]
    finally:
        await quiet.close()


async def test_the_feed_knows_of_other_processes(tenancy: Tenancy) -> None:
    changes = PostgresMembershipSource(database=tenancy.jobs)
    one, other = (Replicas(database=tenancy.jobs, own=uuid4()) for _ in range(2))
    # The process of the fixture, and of tests before, may be known or not; none of them is this far.
    ahead = "4000000000:4000000000:"

    async def known_to(replica: Replicas) -> list[str]:
        return [each.text for each in (await changes.read(0, replica=replica.own)).others]

    await other.know(ahead)
    assert ahead not in await known_to(one)  # it has not said yet that it serves
    await other.renew()
    assert ahead not in await known_to(one)
    await other.know(ahead)
    assert ahead in await known_to(one)
    assert ahead not in await known_to(other)
    await other.know("1:1:")
    assert ahead in await known_to(one)
    await other.forget()
    assert ahead not in await known_to(one)
    assert "1:1:" in await known_to(one)
    await other.leave()


async def test_a_role_change_stands_although_the_vault_cannot_open_the_name(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    tenancy.vault.down = True
    changed = await tenancy.memberships.change_role(owner, subject=member.caller.subject, role=Role.ADMIN)
    assert (changed.membership.role, changed.contact.name) == (Role.ADMIN, "")
    *_, event = await tenancy.recorded(owner.workspace)
    assert not event.envelope.HasField("tags")


@pytest.mark.parametrize(
    ("actor", "target", "to", "refusal"),
    [
        (Role.ADMIN, Role.MEMBER, Role.OWNER, RoleAboveOwn),
        (Role.ADMIN, Role.OWNER, Role.MEMBER, RoleAboveOwn),
        (Role.MANAGER, Role.MEMBER, Role.MANAGER, PermissionMissing),
        (Role.MEMBER, Role.MEMBER, Role.ADMIN, PermissionMissing),
    ],
)
async def test_nobody_gives_or_touches_a_role_above_the_own(
    tenancy: Tenancy, actor: Role, target: Role, to: Role, refusal: type[Exception]
) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    acting = await tenancy.joined(owner, tenancy.person("Bob"), actor)
    other = await tenancy.joined(owner, tenancy.person("Cid"), target)
    before = await roles(tenancy, owner.workspace)
    # Neither by the token's own role nor by one that it claims.
    for insider in (acting, replace(acting, role=Role.OWNER)):
        with pytest.raises(refusal):
            await tenancy.memberships.change_role(insider, subject=other.caller.subject, role=to)
        if refusal is RoleAboveOwn and target is Role.MEMBER:
            continue
        with pytest.raises(refusal):
            await tenancy.memberships.remove(insider, subject=other.caller.subject)
    assert await roles(tenancy, owner.workspace) == before


async def test_nobody_raises_the_own_role(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    admin = await tenancy.joined(owner, tenancy.person("Bob"), Role.ADMIN)
    with pytest.raises(RoleAboveOwn):
        await tenancy.memberships.change_role(admin, subject=admin.caller.subject, role=Role.OWNER)
    changed = await tenancy.memberships.change_role(admin, subject=admin.caller.subject, role=Role.MEMBER)
    assert changed.membership.role is Role.MEMBER


async def test_the_last_owner_stays(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    await tenancy.joined(owner, tenancy.person("Bob"), Role.ADMIN)
    with pytest.raises(LastOwner):
        await tenancy.memberships.change_role(owner, subject=owner.caller.subject, role=Role.ADMIN)
    with pytest.raises(LastOwner):
        await tenancy.memberships.remove(owner, subject=owner.caller.subject)


async def owners(tenancy: Tenancy, count: int) -> list[Insider]:
    first = await tenancy.workspace(tenancy.person("Owner 0"), "engines")
    others = [await tenancy.joined(first, tenancy.person(f"Owner{number}"), Role.OWNER) for number in range(1, count)]
    return [first, *others]


@pytest.mark.parametrize("count", [2, 5])
async def test_owners_who_demote_one_another_at_once_leave_one(tenancy: Tenancy, count: int) -> None:
    everyone = await owners(tenancy, count)
    await asyncio.gather(
        *(
            tenancy.memberships.change_role(one, subject=other.caller.subject, role=Role.MEMBER)
            for one, other in zip(everyone, everyone[1:] + everyone[:1], strict=True)
        ),
        return_exceptions=True,
    )
    left = await roles(tenancy, everyone[0].workspace)
    assert list(left.values()).count("owner") >= 1
    assert list(left.values()).count("owner") < count


@pytest.mark.parametrize("count", [2, 5])
async def test_owners_who_leave_at_once_leave_one(tenancy: Tenancy, count: int) -> None:
    everyone = await owners(tenancy, count)
    answers = await asyncio.gather(
        *(tenancy.memberships.remove(one, subject=one.caller.subject) for one in everyone), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["LastOwner"] + ["NoneType"] * (count - 1)
    assert list((await roles(tenancy, everyone[0].workspace)).values()) == ["owner"]


async def test_a_removed_member_is_gone_and_the_epoch_goes_on(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MANAGER)
    bob = member.caller.subject
    await tenancy.memberships.remove(owner, subject=bob)
    assert bob not in await roles(tenancy, owner.workspace)
    (row,) = await tenancy.as_administrator("SELECT contact FROM membership WHERE subject_id = $1", bob)
    assert row["contact"] is None
    *_, event = await tenancy.recorded(owner.workspace)
    assert (event.action, event.leaf.target.id) == ("member.removed", bob.bytes)
    assert (event.envelope.membership_changed.epoch, event.envelope.membership_changed.role) == (2, "")
    with pytest.raises(MemberUnknown):
        await tenancy.memberships.remove(owner, subject=bob)
    again = await tenancy.joined(owner, member.caller, Role.MEMBER)
    assert (await roles(tenancy, owner.workspace))[again.caller.subject] == "member"
    assert (await changes(tenancy, owner.workspace))[-3:] == [(bob, 1, "manager"), (bob, 2, ""), (bob, 3, "member")]


async def test_a_member_may_leave_and_no_more(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    other = await tenancy.joined(owner, tenancy.person("Cid"), Role.MEMBER)
    with pytest.raises(PermissionMissing):
        await tenancy.memberships.remove(member, subject=other.caller.subject)
    await tenancy.memberships.remove(member, subject=member.caller.subject)
    assert set(await roles(tenancy, owner.workspace)) == {owner.caller.subject, other.caller.subject}


async def test_what_session_asks_for(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    other = await tenancy.workspace(tenancy.person("Bob"), "looms")
    asked = [
        MembershipKey(workspace=owner.workspace, subject=owner.caller.subject),
        MembershipKey(workspace=other.workspace, subject=other.caller.subject),
        MembershipKey(workspace=other.workspace, subject=owner.caller.subject),
    ]
    views, read_at = await tenancy.memberships.views(asked)
    assert {(view.membership.workspace, view.membership.subject) for view in views} == {
        (owner.workspace, owner.caller.subject),
        (other.workspace, other.caller.subject),
    }
    assert {view.policy.idle.days for view in views} == {14}
    assert {view.policy.absolute.days for view in views} == {90}
    key = tenancy.vault.audit_key(SubjectOwner(subject=owner.caller.subject, workspace=owner.workspace))
    assert key.public_key() in {view.membership.audit_key for view in views}
    nobody, later = await tenancy.memberships.views(asked[2:])
    assert nobody == []
    assert later > read_at


async def test_permissions_are_answered_in_order_by_the_present_role(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    stranger = await tenancy.workspace(tenancy.person("Eve"), "looms")

    def question(subject: UUID, workspace: UUID, permission: str) -> Question:
        return Question(key=MembershipKey(workspace=workspace, subject=subject), permission=permission)

    ada, bob, eve = owner.caller.subject, member.caller.subject, stranger.caller.subject
    asked = [
        question(bob, owner.workspace, Permission.MEMBER_UPDATE),
        question(ada, owner.workspace, Permission.MEMBER_UPDATE),
        question(eve, owner.workspace, Permission.MEMBER_READ),
        question(eve, stranger.workspace, Permission.MEMBER_READ),
        question(ada, owner.workspace, "no.such"),
        question(ada, tenancy.ids.uuid7(), Permission.MEMBER_READ),
    ]
    assert await tenancy.permissions.check(asked) == [False, True, False, True, False, False]
    await tenancy.memberships.change_role(owner, subject=bob, role=Role.ADMIN)
    assert await tenancy.permissions.check(asked[:1]) == [True]
    await tenancy.memberships.remove(owner, subject=bob)
    assert await tenancy.permissions.check(asked[:1]) == [False]
    assert await tenancy.permissions.check(asked * 83) == [False, True, False, True, False, False] * 83


async def test_changes_that_outlived_every_token_are_deleted_and_no_younger_ones(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    young = await tenancy.workspace(tenancy.person("Bob"), "looms")
    for workspace, age in ((owner.workspace, "15 minutes 31 seconds"), (young.workspace, "15 minutes 20 seconds")):
        await tenancy.as_administrator(
            f"UPDATE membership_change SET changed_at = now() - interval '{age}' WHERE workspace_id = $1", workspace
        )
    await tenancy.work.prune()
    assert await changes(tenancy, owner.workspace) == []
    assert len(await changes(tenancy, young.workspace)) == 1
