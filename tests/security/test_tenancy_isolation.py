"""Nothing of a workspace reaches another one, through the commands and through SQL under the service's own roles; and
the database itself tells members from administrators."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from libs.db.context import Context, Standing
from libs.db.transaction import Transaction
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.errors import InvitationUnknown, MemberUnknown
from services.tenancy.domain.membership import MembershipKey
from tests.support.postgres import ServiceDatabases
from tests.support.tenancy import Tenancy
from wardenry.permissions import Role

TABLES = ("workspace", "membership", "invitation")


@pytest.fixture
async def tenancy(service_database: ServiceDatabases) -> AsyncIterator[Tenancy]:
    world = Tenancy(stored=service_database("tenancy"))
    await world.open()
    yield world
    await world.close()


@pytest.fixture
async def ours(tenancy: Tenancy) -> Insider:
    """A workspace with a member and an open invitation."""
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    await tenancy.invited(owner, "cid@example.com", Role.MEMBER)
    return owner


@pytest.fixture
async def theirs(tenancy: Tenancy) -> Insider:
    """Another one, whose owner tries."""
    return await tenancy.workspace(tenancy.person("Eve"), "looms")


@asynccontextmanager
async def as_runtime(tenancy: Tenancy, insider: Insider | None, standing: Standing) -> AsyncIterator[Transaction]:
    """SQL under tenancy_runtime, in the context of this person's workspace, undone at the end."""
    context = Context(standing=standing)
    if insider is not None:
        context = Context(
            workspaces=frozenset({insider.workspace}), subjects=frozenset({insider.caller.subject}), standing=standing
        )
    with suppress(_Undone):
        async with tenancy.runtime.transaction(context) as tx:
            yield tx
            raise _Undone


class _Undone(Exception):
    pass


async def refused(tx: Transaction, statement: str, *arguments: object) -> None:
    """The statement is an error, or touches no row."""
    try:
        async with tx.savepoint():
            touched = await tx.execute(statement, *arguments)
    except asyncpg.InsufficientPrivilegeError:
        return
    assert touched.endswith(" 0"), f"{statement}: {touched}"


async def test_without_a_context_no_row_is_there(tenancy: Tenancy, ours: Insider) -> None:
    for standing in ("", "member", "administrator"):
        async with as_runtime(tenancy, None, standing) as tx:
            for table in TABLES:
                assert await tx.fetch(f"SELECT * FROM {table}") == []


async def test_another_workspaces_rows_can_be_neither_read_nor_written(
    tenancy: Tenancy, ours: Insider, theirs: Insider
) -> None:
    async with as_runtime(tenancy, theirs, "administrator") as tx:
        for table in TABLES:
            seen = {row["workspace_id"] for row in await tx.fetch(f"SELECT workspace_id FROM {table}")}
            assert seen <= {theirs.workspace}
            await refused(tx, f"DELETE FROM {table} WHERE workspace_id = $1", ours.workspace)
        await refused(tx, "UPDATE workspace SET name = 'mine' WHERE workspace_id = $1", ours.workspace)
        await refused(tx, "UPDATE membership SET role = 'owner' WHERE workspace_id = $1", ours.workspace)
        await refused(tx, "UPDATE membership SET workspace_id = $1", ours.workspace)
        await refused(tx, "UPDATE invitation SET revoked_at = now() WHERE workspace_id = $1", ours.workspace)
        await refused(
            tx,
            "INSERT INTO membership SELECT $1, $2, 'owner', 1, now(), NULL, key_id, key_version, audit_public_key"
            " FROM membership LIMIT 1",
            ours.workspace,
            theirs.caller.subject,
        )
        await refused(
            tx,
            "INSERT INTO membership_change (workspace_id, subject_id, epoch, role) VALUES ($1, $2, 99, '')",
            ours.workspace,
            ours.caller.subject,
        )
        await refused(tx, "INSERT INTO workspace_slug (slug, workspace_id) VALUES ('stolen', $1)", ours.workspace)
        await refused(tx, "SELECT * FROM workspace_slug")
        await refused(tx, "SELECT * FROM membership_change")


async def test_the_database_tells_members_from_administrators(tenancy: Tenancy, ours: Insider) -> None:
    async with as_runtime(tenancy, ours, "member") as tx:
        assert len(await tx.fetch("SELECT * FROM membership")) == 2
        assert await tx.fetch("SELECT * FROM invitation") == []
        await refused(tx, "UPDATE workspace SET name = 'mine'")
        await refused(tx, "UPDATE membership SET role = 'member' WHERE subject_id <> $1", ours.caller.subject)
        await refused(tx, "UPDATE invitation SET revoked_at = now()")
        await refused(
            tx,
            "INSERT INTO membership SELECT workspace_id, $1, 'owner', 1, now(), NULL, key_id, key_version,"
            " audit_public_key FROM membership LIMIT 1",
            tenancy.ids.uuid7(),
        )
    async with as_runtime(tenancy, ours, "") as tx:
        assert await tx.fetch("SELECT * FROM membership") == []
        assert await tx.fetch("SELECT * FROM invitation") == []
    async with as_runtime(tenancy, ours, "administrator") as tx:
        assert len(await tx.fetch("SELECT * FROM invitation")) == 2


async def test_a_members_standing_ends_the_own_membership_and_changes_nothing_else_of_it(
    tenancy: Tenancy, ours: Insider
) -> None:
    own = "WHERE subject_id = $1"
    async with as_runtime(tenancy, ours, "member") as tx:
        await refused(tx, f"UPDATE membership SET role = 'owner' {own}", ours.caller.subject)
        await refused(tx, f"UPDATE membership SET epoch = epoch + 1 {own}", ours.caller.subject)
        left = await tx.execute(f"UPDATE membership SET ended_at = now(), contact = NULL {own}", ours.caller.subject)
        assert left == "UPDATE 1"


async def test_look_ups_return_an_id_and_nothing_else(tenancy: Tenancy, ours: Insider, theirs: Insider) -> None:
    async with as_runtime(tenancy, theirs, "administrator") as tx:
        # The subject is the context's: a function without an argument cannot be asked for somebody else's.
        rows = await tx.fetch("SELECT workspaces_of_subject(NULL, 100) AS found")
        assert [row["found"] for row in rows] == [theirs.workspace]
        assert await tx.fetchval("SELECT workspace_of_slug('engines')") == ours.workspace
        (row,) = await tenancy.as_administrator("SELECT invitation_id FROM invitation WHERE accepted_at IS NULL")
        assert await tx.fetchval("SELECT workspace_of_invitation($1, $2)", row["invitation_id"], bytes(32)) is None


async def test_a_look_up_ignores_the_callers_search_path(tenancy: Tenancy, ours: Insider) -> None:
    connection = await asyncpg.connect(tenancy.stored.runtime)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TEMP TABLE workspace_slug (slug text, workspace_id uuid)")
        await connection.execute("SET search_path = pg_temp")
        assert await connection.fetchval("SELECT public.workspace_of_slug('engines')") == ours.workspace
    finally:
        await connection.close()


async def test_the_jobs_role_reaches_what_it_works_on_and_no_more(tenancy: Tenancy, ours: Insider) -> None:
    async with tenancy.jobs.transaction(Context()) as tx:
        for allowed in ("SELECT workspace_id, name FROM workspace", "SELECT invitation_id, address FROM invitation"):
            assert await tx.fetch(allowed)
        for statement in (
            "SELECT * FROM membership",
            "SELECT secret_hash FROM invitation",
            "SELECT address_tag FROM invitation",
            "SELECT created_by FROM workspace",
            "SELECT * FROM workspace_slug",
            "SELECT * FROM outbox",
            "UPDATE invitation SET role = 'owner'",
            "UPDATE membership SET role = 'owner'",
            "DELETE FROM invitation",
            "DELETE FROM membership_change",
            "TRUNCATE invitation",
        ):
            if statement.startswith("TRUNCATE"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with tx.savepoint():
                        await tx.execute(statement)
            else:
                await refused(tx, statement)


async def test_a_foreign_members_id_is_unknown(tenancy: Tenancy, ours: Insider, theirs: Insider) -> None:
    with pytest.raises(MemberUnknown):
        await tenancy.memberships.change_role(theirs, subject=ours.caller.subject, role=Role.MEMBER)
    with pytest.raises(MemberUnknown):
        await tenancy.memberships.remove(theirs, subject=ours.caller.subject)
    (row,) = await tenancy.as_administrator("SELECT invitation_id FROM invitation WHERE accepted_at IS NULL")
    with pytest.raises(InvitationUnknown):
        await tenancy.invitations.revoke(theirs, invitation_id=row["invitation_id"])
    assert {
        member.membership.subject for member in (await tenancy.memberships.page(theirs, after=None, limit=10)).items
    } == {theirs.caller.subject}


async def test_a_batch_joins_each_key_on_its_own(tenancy: Tenancy, ours: Insider, theirs: Insider) -> None:
    """Both workspaces are in the context; neither subject is a member of the other's."""
    crossed = [
        MembershipKey(workspace=ours.workspace, subject=theirs.caller.subject),
        MembershipKey(workspace=theirs.workspace, subject=ours.caller.subject),
    ]
    assert (await tenancy.memberships.views(crossed))[0] == []


async def test_a_connection_carries_no_context_to_its_next_borrower(tenancy: Tenancy, ours: Insider) -> None:
    for _ in range(3):
        async with as_runtime(tenancy, ours, "administrator") as tx:
            assert await tx.fetch("SELECT * FROM invitation")
        rows = await tenancy.runtime.fetch("SELECT * FROM invitation")
        assert rows == []
