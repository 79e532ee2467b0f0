"""Memberships in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.crypto.reader_key import ReaderPublicKey
from libs.db.transaction import Transaction
from libs.feed.announcement import Announcement, OwnFeed
from services.tenancy.domain.errors import MemberAlready
from services.tenancy.domain.membership import Membership, MembershipKey, MembershipView, Roster
from services.tenancy.store.workspace import policy_of
from wardenry.permissions import Role

#: Of a membership, under the alias m.
COLUMNS = (
    "m.workspace_id, m.subject_id, m.role, m.epoch, m.joined_at, m.ended_at,"
    " m.key_id, m.key_version, m.audit_public_key, m.contact, m.address_tag"
)
_FIND = f"SELECT {COLUMNS} FROM membership m WHERE m.workspace_id = $1 AND m.subject_id = $2"  # noqa: S608 - of constants alone
# In key order, so that two that lock the same rows wait for one another instead of killing one another.
_ROSTER = f"""
SELECT {COLUMNS}
  FROM membership m
 WHERE m.workspace_id = $1 AND (m.subject_id = ANY ($2::uuid[]) OR (m.role = 'owner' AND m.ended_at IS NULL))
 ORDER BY m.subject_id
   FOR NO KEY UPDATE
"""  # noqa: S608 - of constants alone
_OTHERS = """
SELECT EXISTS (SELECT FROM membership WHERE workspace_id = $1 AND subject_id <> $2 AND ended_at IS NULL)
"""
_ADD = """
INSERT INTO membership
    (workspace_id, subject_id, role, epoch, joined_at, ended_at, key_id, key_version, audit_public_key, contact,
     address_tag)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
"""
_CHANGE = """
UPDATE membership
   SET role = $3, epoch = $4, joined_at = $5, ended_at = $6,
       key_id = $7, key_version = $8, audit_public_key = $9, contact = $10, address_tag = $11
 WHERE workspace_id = $1 AND subject_id = $2 AND epoch = $4 - 1
"""
_TELL = """
WITH told AS (INSERT INTO membership_change (workspace_id, subject_id, epoch, role) VALUES ($1, $2, $3, $4))
SELECT pg_current_xact_id()::text::bigint
"""
# With a comparison in any case: a plan for all values then begins where the page does.
_BEFORE_ALL = UUID(int=0)
_PAGE = f"""
SELECT {COLUMNS}
  FROM membership m
 WHERE m.workspace_id = $1 AND m.ended_at IS NULL
   AND m.subject_id > $2
 ORDER BY m.subject_id
 LIMIT $3
"""  # noqa: S608 - of constants alone
_UNTAGGED = f"""
SELECT {COLUMNS}
  FROM membership m
 WHERE m.workspace_id = $1 AND m.ended_at IS NULL AND m.address_tag IS NULL
   AND m.subject_id > $2
 ORDER BY m.subject_id
 LIMIT $3
"""  # noqa: S608 - of constants alone
# Locked in the order of their keys, as the roster is. Who has left meanwhile, or has another contact, stays as is.
_TAG = """
WITH found AS (
    SELECT m.subject_id, given.address_tag
      FROM unnest($2::uuid[], $3::bytea[], $4::bytea[]) AS given (subject_id, contact, address_tag)
      JOIN membership m ON m.workspace_id = $1 AND m.subject_id = given.subject_id AND m.contact = given.contact
     ORDER BY m.subject_id
       FOR NO KEY UPDATE OF m
)
UPDATE membership AS m
   SET address_tag = found.address_tag
  FROM found
 WHERE m.workspace_id = $1 AND m.subject_id = found.subject_id AND m.ended_at IS NULL
"""
_VIEWS = f"""
SELECT {COLUMNS}, w.idle_seconds, w.absolute_seconds, now() AS read_at
  FROM (SELECT) AS always
  LEFT JOIN (
        unnest($1::uuid[], $2::uuid[]) AS asked (workspace_id, subject_id)
        JOIN membership m ON m.workspace_id = asked.workspace_id AND m.subject_id = asked.subject_id
        JOIN workspace w ON w.workspace_id = asked.workspace_id
       ) ON m.ended_at IS NULL
"""  # noqa: S608 - of constants alone
_ROLES = """
SELECT m.workspace_id, m.subject_id, m.role
  FROM unnest($1::uuid[], $2::uuid[]) AS asked (workspace_id, subject_id)
  JOIN membership m ON m.workspace_id = asked.workspace_id AND m.subject_id = asked.subject_id
 WHERE m.ended_at IS NULL
"""


class PostgresMemberships:
    def __init__(self, tx: Transaction, *, feed: OwnFeed) -> None:
        """`feed` is this process's, which is told once the transaction has committed a change."""
        self._tx = tx
        self._announcement = Announcement(tx=tx, feed=feed)

    async def find(self, workspace: UUID, subject: UUID) -> Membership | None:
        row = await self._tx.fetchrow(_FIND, workspace, subject)
        return None if row is None else membership_of(row)

    async def roster(self, workspace: UUID, subjects: Collection[UUID]) -> Roster:
        return Roster(membership_of(row) for row in await self._tx.fetch(_ROSTER, workspace, list(subjects)))

    async def is_alone(self, workspace: UUID, subject: UUID) -> bool:
        return not await self._tx.fetchval(_OTHERS, workspace, subject)

    async def add(self, membership: Membership) -> None:
        if await self._tx.execute(_ADD, *_values(membership)) != "INSERT 0 1":
            raise MemberAlready
        await self._tell(membership)

    async def change(self, membership: Membership) -> None:
        if await self._tx.execute(_CHANGE, *_values(membership)) != "UPDATE 1":
            # The roster holds the row's lock, so this is a defect and not a race.
            raise RuntimeError("a membership's change does not follow on what is stored")
        await self._tell(membership)

    async def _tell(self, membership: Membership) -> None:
        role = membership.role if membership.present else ""
        self._announcement.made(
            await self._tx.fetchval(_TELL, membership.workspace, membership.subject, membership.epoch, role)
        )

    async def settled(self) -> None:
        await self._announcement.settled()

    async def page(self, workspace: UUID, *, after: UUID | None, limit: int) -> list[Membership]:
        return [membership_of(row) for row in await self._tx.fetch(_PAGE, workspace, after or _BEFORE_ALL, limit)]

    async def untagged(self, workspace: UUID, *, after: UUID | None, limit: int) -> list[Membership]:
        return [membership_of(row) for row in await self._tx.fetch(_UNTAGGED, workspace, after or _BEFORE_ALL, limit)]

    async def tag(self, workspace: UUID, tags: Sequence[tuple[Membership, bytes]]) -> None:
        await self._tx.execute(
            _TAG,
            workspace,
            [member.subject for member, _ in tags],
            [member.contact for member, _ in tags],
            [address_tag for _, address_tag in tags],
        )

    async def views(self, keys: Sequence[MembershipKey]) -> tuple[list[MembershipView], datetime]:
        rows = await self._tx.fetch(_VIEWS, *_asked(keys))
        found = [
            MembershipView(membership=membership_of(row), policy=policy_of(row))
            for row in rows
            if row["workspace_id"] is not None
        ]
        return found, rows[0]["read_at"]

    async def roles(self, keys: Sequence[MembershipKey]) -> Mapping[MembershipKey, Role]:
        return {
            MembershipKey(workspace=row["workspace_id"], subject=row["subject_id"]): Role(row["role"])
            for row in await self._tx.fetch(_ROLES, *_asked(keys))
        }


def _asked(keys: Sequence[MembershipKey]) -> tuple[list[UUID], list[UUID]]:
    return [key.workspace for key in keys], [key.subject for key in keys]


def _values(membership: Membership) -> tuple[object, ...]:
    return (
        membership.workspace,
        membership.subject,
        membership.role.value,
        membership.epoch,
        membership.joined_at,
        membership.ended_at,
        membership.audit_key.key_id,
        membership.audit_key.version,
        membership.audit_key.public,
        membership.contact,
        membership.address_tag,
    )


def membership_of(row: asyncpg.Record) -> Membership:
    """A row of COLUMNS."""
    return Membership(
        workspace=row["workspace_id"],
        subject=row["subject_id"],
        role=Role(row["role"]),
        epoch=row["epoch"],
        joined_at=row["joined_at"],
        ended_at=row["ended_at"],
        audit_key=ReaderPublicKey(key_id=row["key_id"], version=row["key_version"], public=row["audit_public_key"]),
        contact=row["contact"],
        address_tag=row["address_tag"],
    )
