"""Invitations in PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from libs.crypto.key_owner import KeyReference
from libs.db.transaction import Transaction
from services.tenancy.domain.errors import AddressInvited, AddressOfMember
from services.tenancy.domain.invitation import Invitation
from wardenry.permissions import Role

_COLUMNS = (
    "workspace_id, invitation_id, role, inviter_id, address, address_tag, key_id, key_version, created_at, expires_at,"
    " secret_hash, shown_hash, revoked_at, accepted_at"
)
_OPEN = "accepted_at IS NULL AND revoked_at IS NULL AND expires_at > "
_MEMBER = "EXISTS (SELECT FROM membership WHERE workspace_id = $1 AND address_tag = {} AND ended_at IS NULL)"
_INVITED = f"EXISTS (SELECT FROM invitation WHERE workspace_id = $1 AND address_tag = {{}} AND {_OPEN} {{}})"
_RELEASE = """
UPDATE invitation
   SET address_claim = NULL
 WHERE workspace_id = $1 AND address_claim = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at <= $3
"""
# Whom the workspace knows is looked at by the statement that acts. Of two that act at once, one has the claim.
_ADD = f"""
INSERT INTO invitation
    (workspace_id, invitation_id, role, inviter_id, address, address_tag, key_id, key_version, created_at, expires_at,
     mail_due_at, address_claim)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $6
 WHERE NOT {_MEMBER.format("$12")}
   AND NOT {_INVITED.format("$6", "$9")}
ON CONFLICT DO NOTHING
"""
_KNOWN = f"SELECT {_MEMBER.format('$2')} AS member, {_INVITED.format('$3', '$4')} AS invited"
# Whether anybody was a member is looked at by the statement that acts, after whoever was accepting has finished.
_ADD_FOUNDING = """
INSERT INTO invitation
    (workspace_id, invitation_id, role, address, address_tag, key_id, key_version, created_at, expires_at,
     shown_hash, mail_due_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
 WHERE NOT EXISTS (SELECT FROM membership WHERE workspace_id = $1)
ON CONFLICT DO NOTHING
"""
_VOID_FOUNDING = f"""
UPDATE invitation
   SET revoked_at = $2, secret_hash = NULL, shown_hash = NULL, mail_due_at = NULL
 WHERE workspace_id = $1 AND inviter_id IS NULL AND accepted_at IS NULL AND revoked_at IS NULL
RETURNING {_COLUMNS}
"""  # noqa: S608 - of constants alone
_FIND = f"SELECT {_COLUMNS} FROM invitation WHERE workspace_id = $1 AND invitation_id = $2"  # noqa: S608 - of constants alone
_LOCK = f"{_FIND} FOR NO KEY UPDATE"
# With a comparison in any case: a plan for all values then begins where the page does.
_AFTER_ALL = (datetime.max.replace(tzinfo=UTC), UUID(int=(1 << 128) - 1))
_PAGE = f"""
SELECT {_COLUMNS}
  FROM invitation
 WHERE workspace_id = $1 AND {_OPEN} $2
   AND (created_at, invitation_id) < ($3, $4)
 ORDER BY created_at DESC, invitation_id DESC
 LIMIT $5
"""  # noqa: S608 - of constants alone
_ACCEPT = f"""
UPDATE invitation
   SET accepted_at = $3, accepted_by = $4, secret_hash = NULL, shown_hash = NULL, mail_due_at = NULL
 WHERE workspace_id = $1 AND invitation_id = $2 AND {_OPEN} $3
"""  # noqa: S608 - of constants alone
_REVOKE = f"""
UPDATE invitation
   SET revoked_at = $3, secret_hash = NULL, shown_hash = NULL, mail_due_at = NULL
 WHERE workspace_id = $1 AND invitation_id = $2 AND {_OPEN} $3
"""  # noqa: S608 - of constants alone


class PostgresInvitations:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def release(self, workspace: UUID, address_tag: bytes, *, now: datetime) -> None:
        await self._tx.execute(_RELEASE, workspace, address_tag, now)

    async def check_unknown(self, workspace: UUID, address_tag: bytes, *, member_tag: bytes, now: datetime) -> None:
        known = await self._tx.fetchrow(_KNOWN, workspace, member_tag, address_tag, now)
        if known is not None and known["member"]:
            raise AddressOfMember
        if known is not None and known["invited"]:
            raise AddressInvited

    async def add(self, invitation: Invitation, *, member_tag: bytes, mail_due_at: datetime) -> bool:
        stored = await self._tx.execute(
            _ADD,
            invitation.workspace,
            invitation.id,
            invitation.role.value,
            invitation.inviter,
            invitation.address,
            invitation.address_tag,
            invitation.key.key_id,
            invitation.key.version,
            invitation.created_at,
            invitation.expires_at,
            mail_due_at,
            member_tag,
        )
        return stored == "INSERT 0 1"

    async def add_founding(self, invitation: Invitation, *, mail_due_at: datetime) -> bool:
        stored = await self._tx.execute(
            _ADD_FOUNDING,
            invitation.workspace,
            invitation.id,
            invitation.role.value,
            invitation.address,
            invitation.address_tag,
            invitation.key.key_id,
            invitation.key.version,
            invitation.created_at,
            invitation.expires_at,
            invitation.shown_hash,
            mail_due_at,
        )
        return stored == "INSERT 0 1"

    async def void_founding(self, workspace: UUID, *, at: datetime) -> Sequence[Invitation]:
        return [_invitation(row) for row in await self._tx.fetch(_VOID_FOUNDING, workspace, at)]

    async def find(self, workspace: UUID, invitation: UUID) -> Invitation | None:
        row = await self._tx.fetchrow(_FIND, workspace, invitation)
        return None if row is None else _invitation(row)

    async def lock(self, workspace: UUID, invitation: UUID) -> Invitation | None:
        row = await self._tx.fetchrow(_LOCK, workspace, invitation)
        return None if row is None else _invitation(row)

    async def page(
        self, workspace: UUID, *, now: datetime, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Invitation]:
        created_at, last = before or _AFTER_ALL
        return [_invitation(row) for row in await self._tx.fetch(_PAGE, workspace, now, created_at, last, limit)]

    async def accept(self, invitation: Invitation, *, subject: UUID, at: datetime) -> bool:
        done = await self._tx.execute(_ACCEPT, invitation.workspace, invitation.id, at, subject)
        return done == "UPDATE 1"

    async def revoke(self, invitation: Invitation, *, at: datetime) -> bool:
        done = await self._tx.execute(_REVOKE, invitation.workspace, invitation.id, at)
        return done == "UPDATE 1"


def _invitation(row: asyncpg.Record) -> Invitation:
    return Invitation(
        workspace=row["workspace_id"],
        id=row["invitation_id"],
        role=Role(row["role"]),
        inviter=row["inviter_id"],
        address=row["address"],
        address_tag=row["address_tag"],
        key=KeyReference(key_id=row["key_id"], version=row["key_version"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        secret_hash=row["secret_hash"],
        shown_hash=row["shown_hash"],
        revoked_at=row["revoked_at"],
        accepted_at=row["accepted_at"],
    )
