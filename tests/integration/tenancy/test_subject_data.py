"""Tenancy's part in people's rights: what it shows, corrects and removes, of this person and of nobody else."""

import pytest

from services.tenancy.commands.subject_data import SubjectData
from services.tenancy.domain.errors import LastOwner
from tests.support.tenancy import Tenancy
from wardenry.permissions import Role


def subject_data(tenancy: Tenancy) -> SubjectData:
    return SubjectData(store=tenancy.store, vault=tenancy.vault, clock=tenancy.clock, ids=tenancy.ids)


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
    anna, ben = tenancy.person("Anna"), tenancy.person("Ben")
    acme, other = await tenancy.workspace(anna, "acme"), await tenancy.workspace(ben, "other")
    await tenancy.joined(other, anna, Role.MEMBER)
    data = subject_data(tenancy)
    assert [(each.workspace, each.name) for each in await data.obstacles(anna.subject)] == [(acme.workspace, "Acme")]
    with pytest.raises(LastOwner):
        await data.erase(anna.subject)
    assert [row.values["ended_at"] async for row in data.rows(anna.subject)] == [None, None]
    await tenancy.joined(acme, ben, Role.OWNER)
    assert await data.obstacles(anna.subject) == []
    assert (await data.erase(anna.subject)).rows == 3
