"""What is asked often looks at little, however large a workspace is: as the planner decides it where one is large."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from libs.crypto.reader_key import ReaderPublicKey
from libs.db.context import Context
from libs.feed.announcement import Known
from services.tenancy.domain.invitation import Invitation
from services.tenancy.domain.membership import Membership, MembershipKey
from services.tenancy.store.invitation import PostgresInvitations
from services.tenancy.store.membership import PostgresMemberships
from services.tenancy.store.subject_data import PostgresSubjectData
from tests.support.plans import NUMBERED, Question, excess, fill, numbered, pages
from tests.support.postgres import ServiceDatabases
from wardenry.permissions import Role

NOW = datetime.now(UTC)
WORKSPACE, PERSON, INVITATION = 1, 2, 3
#: Workspace 0 has 20,000 members and as many invitations that were accepted, the 999 others have 60 each.
FILL = (
    NUMBERED,
    "INSERT INTO workspace SELECT numbered(1, n), 'name', 'slug-' || n, 'local', now(), numbered(2, n), 3600, 7200"
    " FROM generate_series(0, 999) AS n",
    "INSERT INTO membership SELECT numbered(1, w), numbered(2, n),"
    " CASE WHEN n < 3 THEN 'owner' ELSE 'member' END, 1, now(), CASE WHEN n % 5 = 4 THEN now() END,"
    " numbered(4, n), 1, sha256('key'), CASE WHEN n % 5 < 4 THEN 'contact'::bytea END,"
    # One in fifty was a member before there was such an index.
    " CASE WHEN n % 5 < 4 AND n % 50 > 0 THEN sha256(int8send(n)) END FROM ("
    "SELECT 0 AS w, generate_series(0, 19999) AS n UNION ALL"
    " SELECT w, (w * 97 + generate_series(0, 59) * 13) % 50000 FROM generate_series(1, 999) AS w) AS members",
    "INSERT INTO invitation (workspace_id, invitation_id, role, inviter_id, address, address_tag, key_id, key_version,"
    " created_at, expires_at, accepted_at, accepted_by, adopted_at)"
    " SELECT workspace_id, gen_random_uuid(), 'member', subject_id, 'address', sha256(uuid_send(subject_id)),"
    " numbered(4, 0), 1, now() - interval '20 days', now() - interval '10 days', now(), subject_id, now()"
    " FROM membership",
    "INSERT INTO invitation (workspace_id, invitation_id, role, inviter_id, address, address_tag, key_id, key_version,"
    " created_at, expires_at, secret_hash)"
    " SELECT numbered(1, w), numbered(3, w * 100 + n), 'member', numbered(2, w), 'address', sha256(int8send(n)),"
    " numbered(4, 0), 1, now() - n * interval '1 hour', now() + interval '2 days', sha256(int8send(n))"
    " FROM generate_series(0, 999) AS w, generate_series(0, 99, 20) AS n",
)


def membership(workspace: UUID, subject: UUID) -> Membership:
    return Membership(
        workspace=workspace,
        subject=subject,
        role=Role.MEMBER,
        epoch=2,
        joined_at=NOW,
        audit_key=ReaderPublicKey(key_id=numbered(4, 0), version=1, public=bytes(32)),
        contact=b"contact",
    )


def invitation(workspace: UUID, number: int) -> Invitation:
    return Invitation(
        workspace=workspace,
        id=numbered(INVITATION, number),
        role=Role.MEMBER,
        inviter=numbered(PERSON, 0),
        address=b"address",
        address_tag=bytes(32),
        key=KeyReference(key_id=numbered(4, 0), version=1),
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


class Unfollowed:
    """A feed that nobody follows."""

    def hurry(self) -> Known:
        return asyncio.get_running_loop().create_future()

    async def settled(self, transaction: int | None, known: Known) -> None:
        pass


def questions() -> dict[str, Question]:
    """What is asked, and how many pages it may look at: some of every index down to a row, and the row's."""
    large, person = numbered(WORKSPACE, 0), numbered(PERSON, 8)
    invited = invitation(large, 20)
    everywhere = [
        MembershipKey(workspace=numbered(WORKSPACE, n), subject=numbered(PERSON, n * 97 + 13)) for n in range(64)
    ]
    together = [MembershipKey(workspace=large, subject=numbered(PERSON, n)) for n in range(64)]

    def members(tx: Any) -> PostgresMemberships:
        return PostgresMemberships(tx, feed=Unfollowed())

    def within(*workspaces: UUID, subjects: Collection[UUID] = ()) -> Context:
        return Context(
            workspaces=frozenset(workspaces or {large}), subjects=frozenset(subjects), standing="administrator"
        )

    return {
        "a member": Question(within(), lambda tx: members(tx).find(large, person), 10),
        "who changes a membership": Question(within(), lambda tx: members(tx).roster(large, [person]), 30),
        "whether a person is alone": Question(within(), lambda tx: members(tx).is_alone(large, person), 30),
        "a changed membership": Question(within(), lambda tx: members(tx).change(membership(large, person)), 60),
        "members": Question(within(), lambda tx: members(tx).page(large, after=None, limit=51), 100),
        "members further on": Question(
            within(), lambda tx: members(tx).page(large, after=numbered(PERSON, 10_000), limit=51), 100
        ),
        "one view": Question(within(), lambda tx: members(tx).views(together[:1]), 20),
        "views of one workspace": Question(within(), lambda tx: members(tx).views(together), 400),
        "views of many": Question(
            within(*(key.workspace for key in everywhere)), lambda tx: members(tx).views(everywhere), 400
        ),
        "roles of many": Question(
            within(*(key.workspace for key in everywhere)), lambda tx: members(tx).roles(everywhere), 400
        ),
        "an invitation": Question(within(), lambda tx: PostgresInvitations(tx).find(large, invited.id), 10),
        "an invitation to act on": Question(within(), lambda tx: PostgresInvitations(tx).lock(large, invited.id), 10),
        "an acceptance": Question(
            within(), lambda tx: PostgresInvitations(tx).accept(invited, subject=person, at=NOW), 60
        ),
        "a revocation": Question(within(), lambda tx: PostgresInvitations(tx).revoke(invited, at=NOW), 60),
        "open invitations": Question(
            within(), lambda tx: PostgresInvitations(tx).page(large, now=NOW, before=None, limit=51), 60
        ),
        "open invitations further on": Question(
            within(),
            lambda tx: PostgresInvitations(tx).page(
                large, now=NOW, before=(NOW - timedelta(days=2), invited.id), limit=51
            ),
            60,
        ),
        "another invitation": Question(
            within(subjects=[numbered(PERSON, 0)]),
            lambda tx: PostgresInvitations(tx).add(invitation(large, 7), member_tag=bytes(32), mail_due_at=NOW),
            120,
        ),
        "whether an address is known": Question(
            within(),
            lambda tx: PostgresInvitations(tx).check_unknown(large, bytes(32), member_tag=bytes(32), now=NOW),
            20,
        ),
        "room for another invitation": Question(
            within(), lambda tx: PostgresInvitations(tx).release(large, bytes(32), now=NOW), 20
        ),
        "members without an index": Question(
            within(), lambda tx: members(tx).untagged(large, after=None, limit=100), 150
        ),
        "none of them left": Question(
            within(), lambda tx: members(tx).untagged(large, after=numbered(PERSON, 19_990), limit=100), 20
        ),
        "their indexes": Question(
            within(),
            lambda tx: members(tx).tag(large, [(membership(large, numbered(PERSON, n)), bytes(32)) for n in (50, 100)]),
            120,
        ),
        "a person's memberships": Question(
            within(large, numbered(WORKSPACE, 9)), lambda tx: PostgresSubjectData(tx).memberships(person), 20
        ),
        "what brought a person in": Question(
            within(large, numbered(WORKSPACE, 9)), lambda tx: PostgresSubjectData(tx).accepted(large, person), 20
        ),
        "its end": Question(
            within(subjects=[person]), lambda tx: PostgresSubjectData(tx).remove_accepted(large, person), 20
        ),
        "invitations of an address": Question(
            within(), lambda tx: PostgresSubjectData(tx).addressed(large, bytes(32)), 20
        ),
        "a new contact": Question(
            within(),
            lambda tx: PostgresSubjectData(tx).replace_contact(membership(large, person), b"other"),
            60,
        ),
    }


async def test_what_is_asked_often_looks_at_little(service_database: ServiceDatabases) -> None:
    database = service_database("tenancy")
    await fill(database.administrator, FILL)
    assert await excess(database.runtime, questions(), measure=pages) == []
