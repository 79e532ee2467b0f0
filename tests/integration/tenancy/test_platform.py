"""The platform's workspace and its first owner: once, for the invited address alone, whoever is fast."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from libs.crypto.key_owner import InvitationOwner, SubjectOwner
from libs.events.caller import Caller
from libs.ids import PLATFORM
from libs.mail.address import AddressInvalid
from services.tenancy.commands.invitation import Joined
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.errors import (
    InvitationExists,
    InvitationInvalid,
    KeysUnavailable,
    LastOwner,
    PlatformFounded,
    SlugTaken,
)
from services.tenancy.domain.membership import MembershipKey
from services.tenancy.domain.workspace import PLATFORM_POLICY
from tests.support.tenancy import ORIGIN, Tenancy, secret_in
from wardenry.permissions import Role

ADDRESS = "ada@example.com"
WEEK = 7 * 24 * 3600


async def founded(tenancy: Tenancy) -> Insider:
    """The platform with its first owner."""
    ada = tenancy.person("Ada")
    invitation, secret = await tenancy.founder_invited(ADDRESS)
    await tenancy.invitations.accept(ada, invitation_id=invitation, secret=secret)
    return Insider(caller=ada, workspace=PLATFORM, role=Role.OWNER)


async def test_the_invited_person_owns_the_platform_and_its_log_says_how(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    invitation, secret = await tenancy.founder_invited(ADDRESS.upper())
    joined = await tenancy.invitations.accept(ada, invitation_id=invitation, secret=secret)
    assert (joined.workspace.id, joined.workspace.name, joined.workspace.slug) == (PLATFORM, "Platform", "platform")
    assert (joined.workspace.policy, joined.role) == (PLATFORM_POLICY, Role.OWNER)
    created, invited, accepted = await tenancy.recorded(PLATFORM)
    assert [each.action for each in (created, invited, accepted)] == [
        "workspace.created",
        "user.invited",
        "invitation.accepted",
    ]
    assert {each.leaf.actor.client for each in (created, invited)} == {"operator"}
    assert not invited.leaf.actor.id
    invitee = tenancy.vault.audit_key(InvitationOwner(invitation=invitation, workspace=PLATFORM))
    assert invited.personal("target", invitee) == {"address": ADDRESS}
    assert accepted.leaf.actor.id == ada.subject.bytes
    await tenancy.work.adopt_keys()
    assert [(each.invitation, each.subject) for each in tenancy.vault.adopted] == [(invitation, ada.subject)]


async def test_the_mail_has_a_secret_of_its_own_and_either_leads_in_once(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    invitation, shown = await tenancy.founder_invited(ADDRESS)
    await tenancy.work.mail_invitations()
    (mail,) = tenancy.mailer.sent
    assert (mail.recipient, f"{ORIGIN}/invitations/{invitation}#" in mail.text) == (ADDRESS, True)
    mailed = secret_in(mail)
    assert mailed != shown
    (row,) = await tenancy.as_administrator("SELECT invitation::text AS everything FROM invitation")
    assert not any(secret.hex() in row["everything"] for secret in (mailed, shown, ADDRESS.encode()))
    for secret in (shown, mailed):
        assert await tenancy.store.workspace_of_invitation(invitation, await _hash(tenancy, secret)) == PLATFORM
    answers = await asyncio.gather(
        *(tenancy.invitations.accept(ada, invitation_id=invitation, secret=each) for each in (shown, mailed) * 6),
        return_exceptions=True,
    )
    assert [type(each) for each in answers].count(Joined) == 1


async def _hash(tenancy: Tenancy, secret: bytes) -> bytes:
    (row,) = await tenancy.as_administrator("SELECT sha256($1) AS hash", secret)
    hashed: bytes = row["hash"]
    return hashed


async def test_before_an_owner_each_invitation_voids_the_one_before(tenancy: Tenancy) -> None:
    ada, bob = tenancy.person("Ada"), tenancy.person("Bob")
    first, shown = await tenancy.founder_invited("bob@example.com")
    await tenancy.work.mail_invitations()
    second, good = await tenancy.founder_invited(ADDRESS, name="Operations")
    for secret in (shown, secret_in(tenancy.mailer.sent[0])):
        with pytest.raises(InvitationInvalid):
            await tenancy.invitations.accept(bob, invitation_id=first, secret=secret)
    joined = await tenancy.invitations.accept(ada, invitation_id=second, secret=good)
    assert joined.workspace.name == "Operations"
    assert [each.action for each in await tenancy.recorded(PLATFORM)] == [
        "workspace.created",
        "user.invited",
        "settings.changed",
        "invitation.revoked",
        "user.invited",
        "invitation.accepted",
    ]


async def test_an_invitation_that_has_ended_is_replaced_too(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    first, old = await tenancy.founder_invited(ADDRESS)
    tenancy.clock.advance(WEEK)
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(ada, invitation_id=first, secret=old)
    second, secret = await tenancy.founder_invited(ADDRESS)
    assert (await tenancy.invitations.accept(ada, invitation_id=second, secret=secret)).role is Role.OWNER


async def test_twelve_at_once_leave_one_open_invitation(tenancy: Tenancy) -> None:
    ada = tenancy.person("Ada")
    invited = await asyncio.gather(*(tenancy.founder_invited(ADDRESS) for _ in range(12)))
    (row,) = await tenancy.as_administrator("SELECT count(*) FROM invitation WHERE revoked_at IS NULL")
    assert row["count"] == 1
    assert await _accepted(tenancy, ada, invited) == 1
    actions = [each.action for each in await tenancy.recorded(PLATFORM)]
    assert (actions.count("workspace.created"), actions.count("invitation.revoked")) == (1, 11)


async def _accepted(tenancy: Tenancy, person: Caller, invited: Sequence[tuple[UUID, bytes]]) -> int:
    """How many of these lead in."""
    answers = await asyncio.gather(
        *(tenancy.invitations.accept(person, invitation_id=each, secret=secret) for each, secret in invited),
        return_exceptions=True,
    )
    assert {type(each) for each in answers} <= {Joined, InvitationInvalid}
    return [type(each) for each in answers].count(Joined)


async def test_accepting_and_inviting_another_at_once_makes_one_owner(tenancy: Tenancy) -> None:
    for _ in range(5):
        ada, bob = tenancy.person("Ada"), tenancy.person("Bob")
        invitation, secret = await tenancy.founder_invited(ADDRESS)
        accepted, *others = await asyncio.gather(
            tenancy.invitations.accept(ada, invitation_id=invitation, secret=secret),
            *(tenancy.founder_invited("bob@example.com") for _ in range(3)),
            return_exceptions=True,
        )
        # Either Ada was first, and nobody else is invited any more, or her invitation was void, and one of Bob's works.
        later = [each for each in others if isinstance(each, tuple)]
        if isinstance(accepted, Joined):
            assert await _accepted(tenancy, bob, later) == 0
        else:
            assert isinstance(accepted, InvitationInvalid)
            assert await _accepted(tenancy, bob, later) == 1
        (row,) = await tenancy.as_administrator("SELECT count(*) FROM membership WHERE ended_at IS NULL")
        assert row["count"] == 1
        await tenancy.as_administrator("TRUNCATE workspace, workspace_slug, membership, invitation CASCADE")


async def test_after_an_owner_it_is_refused_for_ever_and_leaves_no_key(tenancy: Tenancy) -> None:
    owner = await founded(tenancy)
    keys = set(tenancy.vault.keys)
    with pytest.raises(PlatformFounded):
        await tenancy.founder_invited("eve@example.com")
    assert set(tenancy.vault.keys) == keys
    # The next operator comes as every member does; the first may go then, and it is still refused.
    second = await tenancy.joined(owner, tenancy.person("Bob"), Role.OWNER)
    await tenancy.memberships.remove(second, subject=owner.caller.subject)
    with pytest.raises(PlatformFounded):
        await tenancy.founder_invited("eve@example.com")
    with pytest.raises(LastOwner):
        await tenancy.memberships.remove(second, subject=second.caller.subject)


async def test_each_statement_looks_for_itself(tenancy: Tenancy) -> None:
    # As it would be if an owner came after the first look.
    owner = await founded(tenancy)
    bob = tenancy.person("Bob")
    async with tenancy.store.begin(workspaces=[PLATFORM], standing="administrator") as work:
        (row,) = await tenancy.as_administrator("SELECT invitation_id FROM invitation")
        accepted = await work.invitations.find(PLATFORM, row["invitation_id"])
        assert accepted is not None
        late = replace(accepted, id=tenancy.ids.uuid7())
        assert not await work.invitations.add_founding(late, mail_due_at=tenancy.clock.now())
    # And if an invitation like it had been left open.
    invitation, secret = await tenancy.invited(owner, "bob@example.com", Role.OWNER)
    await tenancy.as_administrator("UPDATE invitation SET inviter_id = NULL WHERE invitation_id = $1", invitation)
    with pytest.raises(InvitationInvalid):
        await tenancy.invitations.accept(bob, invitation_id=invitation, secret=secret)


async def test_nobody_else_gets_in_by_it(tenancy: Tenancy) -> None:
    eve = tenancy.person("Eve")
    with pytest.raises(SlugTaken):
        await tenancy.workspaces.create(eve, workspace_id=tenancy.ids.uuid7(), name="Platform", slug="platform")
    invitation, secret = await tenancy.founder_invited(ADDRESS)
    for presented in (secret, bytes(32)):
        with pytest.raises(InvitationInvalid):
            await tenancy.invitations.accept(eve, invitation_id=invitation, secret=presented)
    assert SubjectOwner(subject=eve.subject, workspace=PLATFORM) not in tenancy.vault.keys
    for before in (False, True):
        if before:
            await tenancy.invitations.accept(tenancy.person("Ada"), invitation_id=invitation, secret=secret)
        with pytest.raises(SlugTaken):
            await tenancy.workspaces.create(eve, workspace_id=tenancy.ids.uuid7(), name="Platform", slug="platform")
        views, _ = await tenancy.memberships.views([MembershipKey(workspace=PLATFORM, subject=eve.subject)])
        assert views == []
        assert not (await tenancy.workspaces.page(eve, after=None, limit=10)).items


async def test_the_database_lets_nobody_be_without_inviter_elsewhere(tenancy: Tenancy) -> None:
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    invitation, _ = await tenancy.invited(owner, "bob@example.com", Role.OWNER)
    with pytest.raises(asyncpg.CheckViolationError):
        await tenancy.as_administrator("UPDATE invitation SET inviter_id = NULL WHERE invitation_id = $1", invitation)
    with pytest.raises(asyncpg.CheckViolationError):
        await tenancy.as_administrator("UPDATE workspace SET created_by = NULL")
    await tenancy.founder_invited(ADDRESS)
    with pytest.raises(asyncpg.CheckViolationError):
        await tenancy.as_administrator("UPDATE invitation SET role = 'admin' WHERE inviter_id IS NULL")
    with pytest.raises(asyncpg.CheckViolationError):
        await tenancy.as_administrator(
            "UPDATE workspace SET created_by = $1 WHERE workspace_id = $2", owner.caller.subject, PLATFORM
        )


async def test_what_is_wrong_or_away_changes_nothing(tenancy: Tenancy) -> None:
    with pytest.raises(AddressInvalid):
        await tenancy.founder_invited("nobody")
    tenancy.vault.down = True
    with pytest.raises(KeysUnavailable):
        await tenancy.founder_invited(ADDRESS)
    tenancy.vault.down = False
    assert await tenancy.as_administrator("SELECT FROM workspace") == []
    invitation, _ = await tenancy.founder_invited(ADDRESS)
    with pytest.raises(InvitationExists):
        await tenancy.invite_founder(invitation_id=invitation, address=ADDRESS, name="", peer="operator")
    # The transaction was undone: the first invitation still stands.
    (row,) = await tenancy.as_administrator("SELECT count(*) FROM invitation WHERE revoked_at IS NULL")
    assert row["count"] == 1


async def test_a_slug_that_was_taken_before_names_the_reason(tenancy: Tenancy) -> None:
    await tenancy.workspace(tenancy.person("Ada"), "engines")
    await tenancy.as_administrator("UPDATE workspace_slug SET slug = 'platform'")
    with pytest.raises(SlugTaken):
        await tenancy.founder_invited(ADDRESS)
