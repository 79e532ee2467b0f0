"""Creating, reading, renaming, finding workspaces, on the real database under the runtime role."""

import asyncio
from dataclasses import replace

import pytest

from libs.crypto.key_owner import SubjectOwner
from libs.events.caller import Caller
from libs.ids import PLATFORM
from libs.telemetry import trace_context
from services.tenancy.commands.workspace import OwnWorkspace
from services.tenancy.domain.errors import (
    ContactsUnavailable,
    IdInvalid,
    KeysUnavailable,
    PermissionMissing,
    SlugTaken,
    WorkspaceExists,
    WorkspaceUnknown,
)
from tests.support.tenancy import AGENT, Tenancy
from wardenry.permissions import Role


async def test_who_creates_a_workspace_owns_it_and_the_log_says_so(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    entered = trace_context.enter(call := trace_context.new_trace(ratio=0.0))
    insider = await tenancy.workspace(ada, "engines")
    trace_context.leave(entered)
    assert insider.role is Role.OWNER
    (event,) = await tenancy.recorded(insider.workspace)
    assert (event.action, event.traceparent) == ("workspace.created", call.traceparent())
    assert (event.leaf.actor.id, event.leaf.actor.session) == (ada.subject.bytes, ada.session.bytes)
    assert (event.leaf.target.kind, event.leaf.target.id) == ("workspace", insider.workspace.bytes)
    key = tenancy.vault.audit_key(SubjectOwner(subject=ada.subject, workspace=insider.workspace))
    assert event.personal("actor", key) == {"ip_address": "192.0.2.7", "user_agent": AGENT}
    assert event.envelope.tags.network


def on_device(caller: Caller, device: str) -> Caller:
    return replace(caller, client=replace(caller.client, device=device))


async def test_the_log_says_on_which_device(tenancy: Tenancy) -> None:
    ada = on_device(tenancy.person("Ada"), "0f" * 16)
    insider = await tenancy.workspace(ada, "engines")
    elsewhere = on_device(ada, "f0" * 16)
    await tenancy.workspaces.rename(replace(insider, caller=elsewhere), name="Pumps")
    created, changed = await tenancy.recorded(insider.workspace)
    key = tenancy.vault.audit_key(SubjectOwner(subject=ada.subject, workspace=insider.workspace))
    assert created.personal("actor", key)["device_fingerprint"] == "0f" * 16
    assert changed.personal("actor", key)["device_fingerprint"] == "f0" * 16
    assert created.envelope.tags.device != changed.envelope.tags.device


async def test_asking_again_answers_the_same_and_records_once(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    first = await tenancy.workspace(ada, "engines")
    again = await tenancy.workspaces.create(ada, workspace_id=first.workspace, name="Engines", slug="engines")
    assert (again.workspace.id, again.role) == (first.workspace, Role.OWNER)
    assert len(await tenancy.recorded(first.workspace)) == 1


async def test_asking_twenty_times_at_once_creates_one(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    wanted = tenancy.ids.uuid7()
    answers = await asyncio.gather(
        *(tenancy.workspaces.create(ada, workspace_id=wanted, name="Engines", slug="engines") for _ in range(20))
    )
    assert {answer.workspace.id for answer in answers} == {wanted}
    assert len(await tenancy.recorded(wanted)) == 1


async def test_a_slug_is_given_once(tenancy: Tenancy) -> None:
    callers = [tenancy.person(f"P{number}") for number in range(8)]
    answers = await asyncio.gather(
        *(tenancy.workspace(caller, "engines") for caller in callers), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Insider"] + ["SlugTaken"] * 7
    with pytest.raises(SlugTaken):
        await tenancy.workspace(callers[0], "engines")


async def test_an_id_of_somebody_elses_workspace_gives_nothing_and_leaves_no_key(tenancy: Tenancy) -> None:
    insider = await tenancy.workspace(tenancy.person("Ada"), "engines")
    eve = tenancy.person("Eve")
    for slug in ("engines", "other"):
        with pytest.raises(WorkspaceExists):
            await tenancy.workspaces.create(eve, workspace_id=insider.workspace, name="Engines", slug=slug)
    assert SubjectOwner(subject=eve.subject, workspace=insider.workspace) not in tenancy.vault.keys
    assert len(await tenancy.recorded(insider.workspace)) == 1


@pytest.mark.parametrize("identifier", [PLATFORM, PLATFORM.__class__(int=4)])
async def test_reserved_and_foreign_ids_are_refused(tenancy: Tenancy, identifier: object) -> None:
    with pytest.raises(IdInvalid):
        await tenancy.workspaces.create(
            tenancy.person("Ada"),
            workspace_id=identifier,  # type: ignore[arg-type] # both are UUIDs
            name="X",
            slug="engines",
        )


async def test_nothing_is_created_while_identity_or_the_vault_is_away(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    tenancy.directory.down = True
    with pytest.raises(ContactsUnavailable):
        await tenancy.workspace(ada, "engines")
    tenancy.directory.down, tenancy.vault.down = False, True
    with pytest.raises(KeysUnavailable):
        await tenancy.workspace(ada, "engines")
    tenancy.vault.down = False
    await tenancy.workspace(ada, "engines")


async def test_renaming_is_recorded_once_per_change(tenancy: Tenancy) -> None:
    insider = await tenancy.workspace(tenancy.person("Ada"), "engines")
    for _ in range(2):
        renamed = await tenancy.workspaces.rename(insider, name=" Difference  ")
        assert renamed.workspace.name == "Difference"
    assert [event.action for event in await tenancy.recorded(insider.workspace)] == [
        "workspace.created",
        "settings.changed",
    ]
    assert (await tenancy.workspaces.get(insider)).workspace.name == "Difference"


async def test_a_role_that_only_the_token_has_renames_nothing(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    for claimed in (Role.MEMBER, Role.OWNER):
        with pytest.raises(PermissionMissing):
            await tenancy.workspaces.rename(replace(member, role=claimed), name="Mine")
    assert (await tenancy.workspaces.get(owner)).workspace.name == "Engines"


async def test_everybody_finds_the_own_workspaces_page_by_page(tenancy: Tenancy) -> None:
    ada, bob = tenancy.person("Ada"), tenancy.person("Bob")
    own = [(await tenancy.workspace(ada, f"engines-{number}")).workspace for number in range(3)]
    shared = await tenancy.workspace(bob, "shared")
    await tenancy.joined(shared, ada, Role.MEMBER)
    await tenancy.workspace(bob, "private")
    first = await tenancy.workspaces.page(ada, after=None, limit=2)
    assert first.more
    rest = await tenancy.workspaces.page(ada, after=first.items[-1].workspace.id, limit=2)
    assert not rest.more
    seen: list[OwnWorkspace] = [*first.items, *rest.items]
    assert [each.workspace.id for each in seen] == sorted([*own, shared.workspace])
    assert {each.role for each in seen} == {Role.OWNER, Role.MEMBER}
    assert (await tenancy.workspaces.page(tenancy.person("Eve"), after=None, limit=10)).items == ()


async def test_a_slug_leads_to_its_workspace(tenancy: Tenancy) -> None:
    insider = await tenancy.workspace(tenancy.person("Ada"), "engines")
    assert (await tenancy.workspaces.resolve("engines")).id == insider.workspace
    with pytest.raises(WorkspaceUnknown):
        await tenancy.workspaces.resolve("engine")
