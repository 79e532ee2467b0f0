"""What tenancy holds about a person, in the workspaces in scope."""

from collections.abc import Sequence
from uuid import UUID

from libs.db.transaction import Transaction
from services.tenancy.domain.membership import Membership
from services.tenancy.store.membership import COLUMNS, membership_of

_MEMBERSHIPS = f"SELECT {COLUMNS} FROM membership m WHERE m.subject_id = $1 ORDER BY m.workspace_id"  # noqa: S608 - of constants alone
_ACCEPTED = "SELECT workspace_id, invitation_id FROM invitation WHERE accepted_by = $1 ORDER BY invitation_id"
_REMOVE = "DELETE FROM invitation WHERE workspace_id = $1 AND accepted_by = $2"
_RENAME = """
UPDATE membership SET contact = $4 WHERE workspace_id = $1 AND subject_id = $2 AND contact = $3 AND ended_at IS NULL
"""


class SubjectDataStore:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def memberships(self, subject: UUID) -> Sequence[Membership]:
        return [membership_of(row) for row in await self._tx.fetch(_MEMBERSHIPS, subject)]

    async def accepted(self, subject: UUID) -> Sequence[tuple[UUID, UUID]]:
        rows = await self._tx.fetch(_ACCEPTED, subject)
        return [(row["workspace_id"], row["invitation_id"]) for row in rows]

    async def remove_accepted(self, workspace: UUID, subject: UUID) -> int:
        status = await self._tx.execute(_REMOVE, workspace, subject)
        return int(status.rpartition(" ")[2])

    async def replace_contact(self, membership: Membership, contact: bytes) -> bool:
        done = await self._tx.execute(_RENAME, membership.workspace, membership.subject, membership.contact, contact)
        return done == "UPDATE 1"
