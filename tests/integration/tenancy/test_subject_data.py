"""Tenancy's part in people's rights: what it shows, corrects and removes, of this person and of nobody else."""

import asyncio

import pytest

from libs.ids import PLATFORM
from services.tenancy.commands.subject_data import SubjectData
from services.tenancy.domain.errors import InvitationInvalid, LastOwner, SubjectUnknown
from services.tenancy.domain.invitation import LIFE
from tests.support.postgres import waits_for_a_lock
from tests.support.tenancy import Tenancy
from wardenry.permissions import Role


def subject_data(tenancy: Tenancy) -> SubjectData:
    return SubjectData(
        store=tenancy.store,
        vault=tenancy.vault,
        contacts=tenancy.directory,
        index=tenancy.index,
        clock=tenancy.clock,
        ids=tenancy.ids,
    )


async def test_a_person_is_shown_every_membership_of_theirs(tenancy: Tenancy) -> None:
    anna, ben = tenancy.person("Anna"), tenancy.person("Ben")
    acme, _ = await tenancy.workspace(anna, "acme"), await tenancy.workspace(ben, "other")
    member = await tenancy.joined(acme, ben, Role.MEMBER)
    await tenancy.memberships.remove(member, subject=ben.subject)
    data = subject_data(tenancy)
    rows = [row.values async for row in data.rows(ben.subject)]
    (category,) = data.categories()
    assert all(row.keys() == set(category.fields) for row in rows)
    assert {(row["workspace_name"], row["role"], row["name"], row["ended_at"] is None) for row in rows} == {
        ("Acme", "member", None, False),
        ("Other", "owner", "Ben", True),
    }
    assert "Anna" not in str(rows)


async def test_a_name_is_corrected_in_every_workspace(tenancy: Tenancy) -> None:
    anna = tenancy.person("Anna")
    for slug in ("acme", "other"):
        await tenancy.workspace(anna, slug)
    data = subject_data(tenancy)
    assert await data.rectify(anna.subject, field="name", value="Johanna") == 2
    assert await data.rectify(anna.subject, field="name", value="Johanna") == 0
    assert {row.values["name"] async for row in data.rows(anna.subject)} == {"Johanna"}


async def test_an_erased_person_belongs_nowhere(tenancy: Tenancy) -> None:
    anna, ben = tenancy.person("Anna"), tenancy.person("Ben")
    acme = await tenancy.workspace(anna, "acme")
    await tenancy.joined(acme, ben, Role.ADMIN)
    data = subject_data(tenancy)
    assert await data.obstacles(ben.subject) == []
    assert (await data.erase(ben.subject)).rows == 2
    (row,) = await tenancy.as_administrator("SELECT * FROM membership WHERE subject_id = $1", ben.subject)
    assert row["ended_at"]
    assert (row["contact"], row["epoch"]) == (None, 2)
    assert await tenancy.as_administrator("SELECT FROM invitation WHERE accepted_by = $1", ben.subject) == []
    # The invitation's key is a part of the person's by now: what the log holds of the address ends with it.
    assert [each.subject for each in tenancy.vault.adopted] == [ben.subject]
    removed = (await tenancy.recorded(acme.workspace))[-1]
    assert (removed.action, removed.leaf.reason, removed.leaf.actor.client) == (
        "member.removed",
        "erasure",
        "datarights",
    )
    assert removed.envelope.membership_changed.role == ""
    assert await tenancy.as_administrator(
        "SELECT FROM membership_change WHERE subject_id = $1 AND role = ''", ben.subject
    )
    assert (await data.erase(ben.subject)).rows == 0
    assert len([row async for row in data.rows(anna.subject)]) == 1


async def test_a_workspace_is_not_left_without_an_owner(tenancy: Tenancy) -> None:
    anna, ben, carl = tenancy.person("Anna"), tenancy.person("Ben"), tenancy.person("Carl")
    acme, other = await tenancy.workspace(anna, "acme"), await tenancy.workspace(ben, "other")
    await tenancy.joined(other, anna, Role.MEMBER)
    await tenancy.joined(acme, carl, Role.MEMBER)
    data = subject_data(tenancy)
    assert [(each.workspace, each.name) for each in await data.obstacles(anna.subject)] == [(acme.workspace, "Acme")]
    with pytest.raises(LastOwner):
        await data.erase(anna.subject)
    assert [row.values["ended_at"] async for row in data.rows(anna.subject)] == [None, None]
    await tenancy.joined(acme, ben, Role.OWNER)
    assert await data.obstacles(anna.subject) == []
    assert (await data.erase(anna.subject)).rows == 3


async def test_who_is_alone_in_a_workspace_leaves_it_to_nobody(tenancy: Tenancy) -> None:
    anna, ben = tenancy.person("Anna"), tenancy.person("Ben")
    acme = await tenancy.workspace(anna, "acme")
    # Somebody who was a member once is nobody who would be left behind; somebody who is invited comes too late.
    former = await tenancy.joined(acme, ben, Role.MEMBER)
    await tenancy.memberships.remove(former, subject=ben.subject)
    carl = tenancy.person("Carl")
    invitation, secret = await tenancy.invited(acme, "carl@example.com", Role.OWNER)
    data = subject_data(tenancy)
    assert await data.obstacles(anna.subject) == []
    assert (await data.erase(anna.subject)).rows == 1
    (row,) = await tenancy.as_administrator("SELECT * FROM membership WHERE subject_id = $1", anna.subject)
    assert (row["ended_at"] is None, row["contact"]) == (False, None)
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(carl, invitation_id=invitation, secret=secret)


async def test_the_platform_keeps_its_last_owner(tenancy: Tenancy) -> None:
    anna = tenancy.person("Anna")
    invitation, secret = await tenancy.founder_invited("anna@example.com")
    await tenancy.invitations.accept(anna, invitation_id=invitation, secret=secret)
    data = subject_data(tenancy)
    assert [each.workspace for each in await data.obstacles(anna.subject)] == [PLATFORM]
    with pytest.raises(LastOwner):
        await data.erase(anna.subject)


async def test_who_is_erased_joins_nothing_any_more(tenancy: Tenancy) -> None:
    anna, ben = tenancy.person("Anna"), tenancy.person("Ben")
    acme = await tenancy.workspace(anna, "acme")
    invitation, secret = await tenancy.invited(acme, "ben@example.com", Role.MEMBER)
    await subject_data(tenancy).erase(ben.subject)
    # Identity comes last: for a moment the person can still act, under a token and with a name.
    with pytest.raises(SubjectUnknown):
        await tenancy.workspace(ben, "late")
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(ben, invitation_id=invitation, secret=secret)
    assert await tenancy.as_administrator("SELECT FROM membership WHERE subject_id = $1", ben.subject) == []
    assert await tenancy.as_administrator("SELECT FROM workspace WHERE slug = 'late'") == []
    assert await tenancy.workspace(anna, "another")


async def test_an_erasure_that_is_refused_lets_the_person_join(tenancy: Tenancy) -> None:
    anna, ben = tenancy.person("Anna"), tenancy.person("Ben")
    acme = await tenancy.workspace(anna, "acme")
    await tenancy.joined(acme, ben, Role.MEMBER)
    data = subject_data(tenancy)
    with pytest.raises(LastOwner):
        await data.erase(anna.subject)
    assert await tenancy.workspace(anna, "another")
    # The same when the other owner leaves after they were looked for.
    await tenancy.memberships.change_role(acme, subject=ben.subject, role=Role.OWNER)
    looked, real = 0, data.obstacles

    async def obstacles(subject: object) -> list[object]:
        nonlocal looked
        looked += 1
        if looked == 2:
            await tenancy.memberships.change_role(acme, subject=ben.subject, role=Role.MEMBER)
        return []

    data.obstacles = obstacles  # type: ignore[method-assign,assignment] # the test's moment
    with pytest.raises(LastOwner):
        await data.erase(anna.subject)
    data.obstacles = real  # type: ignore[method-assign] # as it was
    assert await tenancy.workspace(anna, "a-third")
    await tenancy.memberships.change_role(acme, subject=ben.subject, role=Role.OWNER)
    await data.erase(anna.subject)
    left = await tenancy.as_administrator("SELECT subject_id FROM membership WHERE ended_at IS NULL")
    assert {row["subject_id"] for row in left} == {ben.subject}


async def test_a_workspace_that_is_being_created_is_left_too(tenancy: Tenancy) -> None:
    anna = tenancy.person("Anna")
    await tenancy.workspace(anna, "first")
    data = subject_data(tenancy)
    # Anna's second workspace is as far as its last statement when the erasure begins.
    async with tenancy.store.begin(workspaces=(), subject=anna.subject) as work:
        await work.subject_data.check_may_join(anna.subject)
        erasing = asyncio.create_task(data.erase(anna.subject))
        await waits_for_a_lock(tenancy.stored.administrator)
        assert not erasing.done()
    await erasing
    # And the other way round, both at once, again and again: never is a membership left.
    for number in range(10):
        ben = tenancy.person(f"Ben{number}")
        await asyncio.gather(data.erase(ben.subject), tenancy.workspace(ben, f"race-{number}"), return_exceptions=True)
        await data.erase(ben.subject)
    assert await tenancy.as_administrator("SELECT FROM membership WHERE ended_at IS NULL") == []


async def test_every_invitation_of_the_address_to_where_the_person_was_ends_with_the_persons_keys(
    tenancy: Tenancy,
) -> None:
    anna, ben = tenancy.person("Anna"), tenancy.person("Ben")
    acme, other = await tenancy.workspace(anna, "acme"), await tenancy.workspace(anna, "other")
    revoked, _ = await tenancy.invited(acme, "Ben@example.com", Role.MEMBER)
    await tenancy.invitations.revoke(acme, invitation_id=revoked)
    forgotten, _ = await tenancy.invited(acme, "ben@example.com", Role.MEMBER)
    tenancy.clock.advance(LIFE.total_seconds())
    await tenancy.joined(acme, ben, Role.MEMBER)
    carls, _ = await tenancy.invited(acme, "carl@example.com", Role.MEMBER)
    bens, _ = await tenancy.invited(other, "ben@example.com", Role.MEMBER)
    data = subject_data(tenancy)
    await data.erase(ben.subject)
    adopted = {each.invitation for each in tenancy.vault.adopted}
    assert {revoked, forgotten} < adopted
    assert len(adopted) == 3
    assert not {carls, bens} & adopted
    # Once identity has forgotten the address there is nothing left to be found by it.
    del tenancy.directory.known[ben.subject]
    assert (await data.erase(ben.subject)).rows == 0
