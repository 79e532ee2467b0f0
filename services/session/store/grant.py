"""Grants in PostgreSQL, one subject's at a time. Refreshes, which are many subjects' at once, are in refresh.py."""

from datetime import timedelta
from uuid import UUID

import asyncpg

from libs.db.transaction import Transaction
from services.session.domain.errors import GrantExists
from services.session.domain.grant import Grant, NewGrant
from services.session.domain.membership import Standing
from services.session.store.session import audit_key_of

_END_SAME = """
UPDATE session_grant SET ended_at = now()
WHERE subject_id = $1 AND session_id = $2 AND client_id = $3 AND workspace_id IS NOT DISTINCT FROM $4
AND ended_at IS NULL
"""
_INSERT = """
INSERT INTO session_grant (
    subject_id, grant_id, session_id, client_id, audience, workspace_id, role, membership_epoch, membership_checked_at,
    audit_key_id, audit_key_version, audit_key, device_binding, seed, key_version, idle_seconds, expires_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, now() + $17::interval)
"""
_END = "UPDATE session_grant SET ended_at = now() WHERE subject_id = $1 AND grant_id = $2 AND ended_at IS NULL"
FIND = "SELECT * FROM find_grants($1, $2)"


class PostgresGrants:
    def __init__(self, *, tx: Transaction, subject: UUID) -> None:
        self._tx = tx
        self._subject = subject

    async def add(self, grant: NewGrant) -> Grant:
        standing = grant.standing
        # One of a session, client and workspace lives: the caller holds the session's lock.
        await self._tx.execute(_END_SAME, self._subject, grant.session, grant.client_id, grant.workspace)
        try:
            await self._tx.execute(
                _INSERT,
                self._subject,
                grant.grant,
                grant.session,
                grant.client_id,
                grant.audience,
                grant.workspace,
                standing.role if standing else "",
                standing.epoch if standing else 0,
                standing.checked_at if standing else None,
                grant.audit_key.key_id,
                grant.audit_key.version,
                grant.audit_key.public,
                grant.device_binding,
                grant.seed,
                grant.key_version,
                int(grant.idle.total_seconds()),
                grant.absolute,
            )
        except asyncpg.UniqueViolationError:
            raise GrantExists from None
        row = await self._tx.fetchrow(FIND, [self._subject], [grant.grant])
        if row is None:
            raise LookupError("a grant that was stored is not found")
        return grant_of(row)

    async def end(self, grant: UUID) -> bool:
        return await self._tx.execute(_END, self._subject, grant) == "UPDATE 1"


def grant_of(row: asyncpg.Record) -> Grant:
    """A row of find_grants."""
    standing = None
    if row["workspace_id"] is not None:
        standing = Standing(role=row["role"], epoch=row["membership_epoch"], checked_at=row["membership_checked_at"])
    return Grant(
        read_at=row["read_at"],
        subject=row["subject_id"],
        grant=row["grant_id"],
        session=row["session_id"],
        client_id=row["client_id"],
        audience=row["audience"],
        workspace=row["workspace_id"],
        standing=standing,
        audit_key=audit_key_of(row),
        device_binding=row["device_binding"],
        seed=row["seed"],
        key_version=row["key_version"],
        counter=row["counter"],
        rotated_at=row["rotated_at"],
        grace_uses=row["grace_uses"],
        paced_until=row["paced_until"],
        idle=timedelta(seconds=row["idle_seconds"]),
        expires_at=row["expires_at"],
        ended=row["ended"],
        amr=tuple(row["amr"]),
        acr=row["acr"],
        authenticated_at=row["authenticated_at"],
    )
