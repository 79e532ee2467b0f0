"""What is to be done later, under the jobs' role: across workspaces, and nothing but its columns."""

from datetime import datetime

from libs.crypto.key_owner import KeyReference
from libs.db.pool import Database
from services.tenancy.domain.invitation import FIRST_PAUSE, LONGEST_PAUSE, Adoption, DueMail
from wardenry.permissions import Role

_NEXT_MAIL = """
WITH due AS (
    SELECT workspace_id, invitation_id
      FROM invitation
     WHERE mail_due_at <= $1 AND expires_at > $1 AND accepted_at IS NULL AND revoked_at IS NULL
     ORDER BY mail_due_at
     LIMIT 1
       FOR UPDATE SKIP LOCKED
)
UPDATE invitation AS i
   SET secret_hash = $2,
       mail_attempts = i.mail_attempts + 1,
       mail_due_at = $1 + least($3::interval * power(2, least(i.mail_attempts, 20)), $4::interval)
  FROM due, workspace AS w
 WHERE i.workspace_id = due.workspace_id AND i.invitation_id = due.invitation_id AND w.workspace_id = i.workspace_id
RETURNING i.workspace_id, i.invitation_id, w.name, i.role, i.address, i.key_id, i.key_version, i.expires_at
"""
_MAILED = """
UPDATE invitation SET mail_due_at = NULL, mailed_at = $3 WHERE workspace_id = $1 AND invitation_id = $2
"""
_UNADOPTED = """
SELECT workspace_id, invitation_id, accepted_by
  FROM invitation
 WHERE accepted_at IS NOT NULL AND adopted_at IS NULL
 ORDER BY accepted_at
 LIMIT $1
"""
_ADOPTED = "UPDATE invitation SET adopted_at = $3 WHERE workspace_id = $1 AND invitation_id = $2"
# How old is old enough is said by the policies of this role, so that no mistake here deletes more.
_PRUNE_CHANGES = "DELETE FROM membership_change WHERE changed_at < now()"
_PRUNE_INVITATIONS = "DELETE FROM invitation WHERE expires_at < now()"


class PostgresBacklog:
    """Each statement is a transaction of its own. Lets DatabaseUnavailable through."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def next_mail(self, *, now: datetime, secret_hash: bytes) -> DueMail | None:
        rows = await self._database.fetch(_NEXT_MAIL, now, secret_hash, FIRST_PAUSE, LONGEST_PAUSE)
        if not rows:
            return None
        (row,) = rows
        return DueMail(
            workspace=row["workspace_id"],
            invitation=row["invitation_id"],
            workspace_name=row["name"],
            role=Role(row["role"]),
            address=row["address"],
            key=KeyReference(key_id=row["key_id"], version=row["key_version"]),
            expires_at=row["expires_at"],
        )

    async def mailed(self, mail: DueMail, *, at: datetime | None) -> None:
        await self._database.fetch(_MAILED, mail.workspace, mail.invitation, at)

    async def unadopted(self, *, limit: int) -> list[Adoption]:
        return [
            Adoption(workspace=row["workspace_id"], invitation=row["invitation_id"], subject=row["accepted_by"])
            for row in await self._database.fetch(_UNADOPTED, limit)
        ]

    async def adopted(self, adoption: Adoption, *, at: datetime) -> None:
        await self._database.fetch(_ADOPTED, adoption.workspace, adoption.invitation, at)

    async def prune(self) -> None:
        await self._database.fetch(_PRUNE_CHANGES)
        await self._database.fetch(_PRUNE_INVITATIONS)
