"""Who may change whose membership: every pair of roles."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from libs.crypto.reader_key import ReaderPublicKey
from services.tenancy.domain.errors import LastOwner, MemberUnknown, PermissionMissing, RoleAboveOwn
from services.tenancy.domain.invitation import check_invitable
from services.tenancy.domain.membership import Membership, Roster
from wardenry.permissions import Permission, Role, allows

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WORKSPACE, ACTOR, TARGET, OWNER = (UUID(int=number) for number in range(1, 5))
RANK = {Role.OWNER: 4, Role.ADMIN: 3, Role.MANAGER: 2, Role.MEMBER: 1}


def member(subject: UUID, role: Role, *, ended: bool = False) -> Membership:
    return Membership(
        workspace=WORKSPACE,
        subject=subject,
        role=role,
        epoch=1,
        joined_at=NOW,
        ended_at=NOW if ended else None,
        audit_key=ReaderPublicKey(key_id=UUID(int=9), version=1, public=bytes(32)),
        contact=None if ended else b"sealed",
    )


@pytest.mark.parametrize("to", Role)
@pytest.mark.parametrize("target", Role)
@pytest.mark.parametrize("actor", Role)
def test_a_role_is_changed_by_whoever_stands_at_least_as_high(actor: Role, target: Role, to: Role) -> None:
    roster = Roster([member(ACTOR, actor), member(TARGET, target), member(OWNER, Role.OWNER)])
    allowed = allows(actor, Permission.MEMBER_UPDATE) and RANK[actor] >= max(RANK[target], RANK[to])
    if allowed:
        change = roster.change_role(actor=ACTOR, subject=TARGET, to=to)
        assert (change.after.role, change.after.epoch) == (to, 1 if to is target else 2)
    else:
        refusal = RoleAboveOwn if allows(actor, Permission.MEMBER_UPDATE) else PermissionMissing
        with pytest.raises(refusal):
            roster.change_role(actor=ACTOR, subject=TARGET, to=to)


@pytest.mark.parametrize("target", Role)
@pytest.mark.parametrize("actor", Role)
def test_a_member_is_removed_by_whoever_stands_at_least_as_high(actor: Role, target: Role) -> None:
    roster = Roster([member(ACTOR, actor), member(TARGET, target), member(OWNER, Role.OWNER)])
    if allows(actor, Permission.MEMBER_UPDATE) and RANK[actor] >= RANK[target]:
        after = roster.end(actor=ACTOR, subject=TARGET, at=NOW).after
        assert (after.present, after.epoch, after.contact) == (False, 2, None)
    else:
        with pytest.raises((PermissionMissing, RoleAboveOwn)):
            roster.end(actor=ACTOR, subject=TARGET, at=NOW)


@pytest.mark.parametrize("role", Role)
def test_everybody_may_leave_while_there_is_an_owner(role: Role) -> None:
    roster = Roster([member(ACTOR, role), member(OWNER, Role.OWNER)])
    assert not roster.end(actor=ACTOR, subject=ACTOR, at=NOW).after.present


def test_the_last_owner_neither_leaves_nor_steps_down() -> None:
    roster = Roster([member(ACTOR, Role.OWNER), member(TARGET, Role.ADMIN), member(OWNER, Role.OWNER, ended=True)])
    with pytest.raises(LastOwner):
        roster.end(actor=ACTOR, subject=ACTOR, at=NOW)
    with pytest.raises(LastOwner):
        roster.change_role(actor=ACTOR, subject=ACTOR, to=Role.ADMIN)
    assert roster.change_role(actor=ACTOR, subject=ACTOR, to=Role.OWNER).after.epoch == 1


def test_who_has_left_may_nothing_and_is_nobody() -> None:
    roster = Roster([member(ACTOR, Role.OWNER, ended=True), member(TARGET, Role.MEMBER), member(OWNER, Role.OWNER)])
    with pytest.raises(PermissionMissing):
        roster.change_role(actor=ACTOR, subject=TARGET, to=Role.MEMBER)
    with pytest.raises(PermissionMissing):
        roster.end(actor=ACTOR, subject=TARGET, at=NOW)
    with pytest.raises(MemberUnknown):
        roster.end(actor=ACTOR, subject=ACTOR, at=NOW)
    with pytest.raises(MemberUnknown):
        roster.change_role(actor=OWNER, subject=ACTOR, to=Role.MEMBER)


@pytest.mark.parametrize("given", Role)
@pytest.mark.parametrize("inviter", Role)
def test_an_invitation_gives_at_most_the_inviters_role(inviter: Role, given: Role) -> None:
    if not allows(inviter, Permission.INVITATION_CREATE):
        with pytest.raises(PermissionMissing):
            check_invitable(member(ACTOR, inviter), given)
    elif RANK[given] > RANK[inviter]:
        with pytest.raises(RoleAboveOwn):
            check_invitable(member(ACTOR, inviter), given)
    else:
        check_invitable(member(ACTOR, inviter), given)
    for nobody in (None, member(ACTOR, Role.OWNER, ended=True)):
        with pytest.raises(PermissionMissing):
            check_invitable(nobody, given)
