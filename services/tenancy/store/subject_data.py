"""What tenancy holds about a person, in the workspaces in scope."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.db.transaction import Transaction
from services.tenancy.domain.errors import SubjectUnknown
from services.tenancy.domain.membership import Membership
from services.tenancy.store.membership import COLUMNS, membership_of

_MEMBERSHIPS = f"SELECT {COLUMNS} FROM membership m WHERE m.subject_id = $1 ORDER BY m.workspace_id"  # noqa: S608 - of constants alone
_ACCEPTED = "SELECT invitation_id FROM invitation WHERE workspace_id = $1 AND accepted_by = $2"
_REMOVE = "DELETE FROM invitation WHERE workspace_id = $1 AND accepted_by = $2"
_RENAME = """
UPDATE membership SET contact = $4 WHERE workspace_id = $1 AND subject_id = $2 AND contact = $3 AND ended_at IS NULL
"""
_ADDRESSED = "SELECT invitation_id FROM invitation WHERE workspace_id = $1 AND address_tag = $2"
# Whoever joins holds the shared lock, so barring waits for them and they for it; the statement after it sees what was
# committed while it waited.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))"
_LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1::uuid::text, 0))"
_BAR = "INSERT INTO erased_person (subject_id, erased_at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_UNBAR = "DELETE FROM erased_person WHERE subject_id = $1"
_BARRED = "SELECT EXISTS (SELECT FROM erased_person WHERE subject_id = $1)"


class PostgresSubjectData:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def memberships(self, subject: UUID) -> Sequence[Membership]:
        return [membership_of(row) for row in await self._tx.fetch(_MEMBERSHIPS, subject)]

    async def accepted(self, workspace: UUID, subject: UUID) -> Sequence[UUID]:
        return [row["invitation_id"] for row in await self._tx.fetch(_ACCEPTED, workspace, subject)]

    async def remove_accepted(self, workspace: UUID, subject: UUID) -> int:
        status = await self._tx.execute(_REMOVE, workspace, subject)
        return int(status.rpartition(" ")[2])

    async def replace_contact(self, membership: Membership, contact: bytes) -> bool:
        done = await self._tx.execute(_RENAME, membership.workspace, membership.subject, membership.contact, contact)
        return done == "UPDATE 1"

    async def addressed(self, workspace: UUID, address_tag: bytes) -> Sequence[UUID]:
        return [row["invitation_id"] for row in await self._tx.fetch(_ADDRESSED, workspace, address_tag)]

    async def bar(self, subject: UUID, *, at: datetime) -> None:
        await self._tx.execute(_LOCK, subject)
        await self._tx.execute(_BAR, subject, at)

    async def unbar(self, subject: UUID) -> None:
        await self._tx.execute(_UNBAR, subject)

    async def check_may_join(self, subject: UUID) -> None:
        await self._tx.execute(_LOCK_SHARED, subject)
        if await self._tx.fetchval(_BARRED, subject):
            raise SubjectUnknown
