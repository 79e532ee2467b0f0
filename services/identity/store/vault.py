"""The vault's database. Rows are locked in the order subject, workspace, data key, each in key order."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from libs.crypto.key_owner import Destroyed, InvitationOwner, KeyOwner, KeyReference, SubjectOwner, VisitorOwner
from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from services.identity.domain.data_key import NewDataKey, StoredDataKey, StoredWorkspaceKey, workspace_of

_OwnerColumns = tuple[UUID, str, UUID, date | None]


class PostgresVault:
    """Under the vault's runtime role."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def find(self, owners: Sequence[KeyOwner]) -> list[StoredDataKey | Destroyed | None]:
        columns = [_columns(owner) for owner in owners]
        async with self._database.transaction(_context(owners)) as tx:
            rows = await tx.fetch(
                """
                SELECT
                    k.data_key_id, k.version, k.wrapped,
                    w.workspace_id, w.version AS workspace_key_version, w.wrapped AS workspace_key_wrapped,
                    k.destroyed_at IS NOT NULL OR s.destroyed_at IS NOT NULL OR w.destroyed_at IS NOT NULL AS destroyed
                FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::date[])
                    WITH ORDINALITY AS o (workspace_id, kind, owner_id, day, position)
                LEFT JOIN workspace_key AS w ON w.workspace_id = o.workspace_id
                LEFT JOIN data_subject AS s ON o.kind = 'subject' AND s.subject_id = o.owner_id
                LEFT JOIN data_key AS k
                    ON k.workspace_id = o.workspace_id AND k.kind = o.kind AND k.owner_id = o.owner_id
                    AND k.day IS NOT DISTINCT FROM o.day
                ORDER BY o.position
                """,
                *_transposed(columns),
            )
        return [_found(row) for row in rows]

    async def find_references(self, references: Sequence[KeyReference]) -> list[StoredDataKey | Destroyed]:
        ids = [reference.key_id for reference in references]
        workspaces = await self._database.fetch("SELECT find_data_keys($1) AS workspace_id", ids)
        context = Context(workspaces=frozenset(row["workspace_id"] for row in workspaces))
        async with self._database.transaction(context) as tx:
            rows = await tx.fetch(
                """
                SELECT
                    k.data_key_id, k.version, k.wrapped,
                    w.workspace_id, w.version AS workspace_key_version, w.wrapped AS workspace_key_wrapped,
                    k.destroyed_at IS NOT NULL OR w.destroyed_at IS NOT NULL AS destroyed
                FROM data_key AS k
                JOIN workspace_key AS w ON w.workspace_id = k.workspace_id
                WHERE k.workspace_id = ANY ($1) AND k.data_key_id = ANY ($2)
                """,
                list(context.workspaces),
                ids,
            )
        found = {key.reference: key for key in (_found(row) for row in rows) if isinstance(key, StoredDataKey)}
        return [found.get(reference, Destroyed()) for reference in references]

    async def find_workspace_keys(self, workspaces: Collection[UUID]) -> dict[UUID, StoredWorkspaceKey]:
        async with self._database.transaction(Context(workspaces=frozenset(workspaces))) as tx:
            rows = await tx.fetch(
                "SELECT workspace_id, version, wrapped FROM workspace_key WHERE workspace_id = ANY ($1)",
                list(workspaces),
            )
        return {
            row["workspace_id"]: StoredWorkspaceKey(
                workspace_id=row["workspace_id"], version=row["version"], wrapped=row["wrapped"]
            )
            for row in rows
        }

    async def add_workspace_keys(self, keys: Sequence[StoredWorkspaceKey], *, now: datetime) -> None:
        ordered = sorted(keys, key=lambda key: key.workspace_id)
        context = Context(workspaces=frozenset(key.workspace_id for key in ordered))
        async with self._database.transaction(context) as tx:
            await tx.execute(
                """
                INSERT INTO workspace_key (workspace_id, version, wrapped, created_at)
                SELECT n.workspace_id, n.version, n.wrapped, $4
                FROM unnest($1::uuid[], $2::integer[], $3::bytea[]) AS n (workspace_id, version, wrapped)
                ON CONFLICT DO NOTHING
                """,
                [key.workspace_id for key in ordered],
                [key.version for key in ordered],
                [key.wrapped for key in ordered],
                now,
            )

    async def add(self, keys: Sequence[NewDataKey], *, now: datetime) -> None:
        ordered = sorted(keys, key=lambda key: tuple(str(part) for part in _columns(key.owner)))
        owners = [key.owner for key in ordered]
        subjects = sorted({owner.subject for owner in owners if isinstance(owner, SubjectOwner)})
        workspaces = sorted({workspace_of(owner) for owner in owners})
        async with self._database.transaction(_context(owners)) as tx:
            # The shared locks make destruction wait, and let other creators through.
            await _lock_subjects(tx, subjects, "SHARE")
            await tx.execute(
                "SELECT FROM workspace_key WHERE workspace_id = ANY ($1) ORDER BY workspace_id FOR SHARE", workspaces
            )
            await tx.execute(
                """
                INSERT INTO data_key (workspace_id, kind, owner_id, day, data_key_id, version, wrapped, created_at)
                SELECT n.workspace_id, n.kind, n.owner_id, n.day, n.data_key_id, n.version, n.wrapped, $8
                FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::date[], $5::uuid[], $6::integer[], $7::bytea[])
                    WITH ORDINALITY AS n (workspace_id, kind, owner_id, day, data_key_id, version, wrapped, position)
                WHERE EXISTS (
                    SELECT FROM workspace_key AS w WHERE w.workspace_id = n.workspace_id AND w.destroyed_at IS NULL
                ) AND NOT EXISTS (
                    SELECT FROM data_subject AS s
                    WHERE n.kind = 'subject' AND s.subject_id = n.owner_id AND s.destroyed_at IS NOT NULL
                )
                ORDER BY n.position
                ON CONFLICT DO NOTHING
                """,
                *_transposed([_columns(owner) for owner in owners]),
                [key.reference.key_id for key in ordered],
                [key.reference.version for key in ordered],
                [key.wrapped for key in ordered],
                now,
            )

    async def adopt(self, *, invitation_id: UUID, workspace_id: UUID, subject_id: UUID, now: datetime) -> None:
        context = Context(workspaces=frozenset({workspace_id}), subjects=frozenset({subject_id}))
        async with self._database.transaction(context) as tx:
            await _lock_subjects(tx, [subject_id], "SHARE")
            # The first to accept keeps it: an invitation is accepted once.
            await tx.execute(
                """
                UPDATE data_key SET adopted_by = $3
                WHERE workspace_id = $1 AND kind = 'invitation' AND owner_id = $2 AND adopted_by IS NULL
                """,
                workspace_id,
                invitation_id,
                subject_id,
            )
            # A person whose key is gone adopts nothing that can be read.
            status = await tx.execute(
                """
                UPDATE data_key AS k SET wrapped = NULL, destroyed_at = $4
                WHERE k.workspace_id = $1 AND k.kind = 'invitation' AND k.owner_id = $2 AND k.adopted_by = $3
                    AND k.destroyed_at IS NULL
                    AND (
                        EXISTS (SELECT FROM data_subject AS s WHERE s.subject_id = $3 AND s.destroyed_at IS NOT NULL)
                        OR EXISTS (
                            SELECT FROM data_key AS own
                            WHERE own.workspace_id = $1 AND own.kind = 'subject' AND own.owner_id = $3
                                AND own.destroyed_at IS NOT NULL
                        )
                    )
                """,
                workspace_id,
                invitation_id,
                subject_id,
                now,
            )
            await _note(tx, _count(status), now)

    async def destroy_workspace(self, workspace_id: UUID, *, now: datetime) -> int:
        async with self._database.transaction(Context(workspaces=frozenset({workspace_id}))) as tx:
            above = await _destroy_workspace_key(tx, workspace_id, now)
            status = await tx.execute(
                "UPDATE data_key SET wrapped = NULL, destroyed_at = $2"
                " WHERE workspace_id = $1 AND destroyed_at IS NULL",
                workspace_id,
                now,
            )
            await _note(tx, above + _count(status), now)
        return _count(status)

    async def destroy_subject(self, subject_id: UUID, *, workspace_id: UUID | None, now: datetime) -> int:
        subjects = frozenset({subject_id})
        if workspace_id is not None:
            async with self._database.transaction(
                Context(subjects=subjects, workspaces=frozenset({workspace_id}))
            ) as tx:
                await _lock_subjects(tx, [subject_id], "UPDATE")
                destroyed = await _destroy_in(tx, subject_id, workspace_id, now)
                await _note(tx, destroyed, now)
            return destroyed
        async with self._database.transaction(Context(subjects=subjects)) as tx:
            # Once this is committed no key of the person is created any more, so the list that follows is complete.
            await _lock_subjects(tx, [subject_id], "UPDATE")
            await tx.execute(
                "UPDATE data_subject SET destroyed_at = $2 WHERE subject_id = $1 AND destroyed_at IS NULL",
                subject_id,
                now,
            )
        rows = await self._database.fetch("SELECT find_workspaces_of_subject($1) AS workspace_id", subject_id)
        workspaces = sorted(row["workspace_id"] for row in rows)
        async with self._database.transaction(Context(subjects=subjects, workspaces=frozenset(workspaces))) as tx:
            destroyed = sum([await _destroy_in(tx, subject_id, workspace, now) for workspace in workspaces])
            await _note(tx, destroyed, now)
        return destroyed


async def _lock_subjects(tx: Transaction, subjects: Sequence[UUID], strength: str) -> None:
    await tx.execute("INSERT INTO data_subject (subject_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING", subjects)
    await tx.execute(
        f"SELECT FROM data_subject WHERE subject_id = ANY ($1) ORDER BY subject_id FOR {strength}",
        subjects,
    )


async def _note(tx: Transaction, destroyed: int, now: datetime) -> None:
    """The bytes of the keys are still in the files: the job that has them leave finds this."""
    if destroyed:
        await tx.execute("INSERT INTO destruction (destroyed_at) VALUES ($1)", now)


async def _destroy_workspace_key(tx: Transaction, workspace_id: UUID, now: datetime) -> int:
    status = await tx.execute(
        """
        INSERT INTO workspace_key (workspace_id, version, created_at, destroyed_at) VALUES ($1, 1, $2, $2)
        ON CONFLICT (workspace_id) DO UPDATE SET wrapped = NULL, destroyed_at = excluded.destroyed_at
        WHERE workspace_key.destroyed_at IS NULL
        """,
        workspace_id,
        now,
    )
    return _count(status)


async def _destroy_in(tx: Transaction, subject_id: UUID, workspace_id: UUID, now: datetime) -> int:
    status = await tx.execute(
        """
        UPDATE data_key SET wrapped = NULL, destroyed_at = $3
        WHERE workspace_id = $1 AND destroyed_at IS NULL
            AND (kind = 'subject' AND owner_id = $2 OR adopted_by = $2)
        """,
        workspace_id,
        subject_id,
        now,
    )
    return _count(status)


def _context(owners: Sequence[KeyOwner]) -> Context:
    return Context(
        workspaces=frozenset(workspace_of(owner) for owner in owners),
        subjects=frozenset(owner.subject for owner in owners if isinstance(owner, SubjectOwner)),
    )


def _columns(owner: KeyOwner) -> _OwnerColumns:
    match owner:
        case SubjectOwner():
            return owner.workspace, "subject", owner.subject, None
        case InvitationOwner():
            return owner.workspace, "invitation", owner.invitation, None
        case VisitorOwner():
            return owner.log, "visitor", owner.log, owner.day


def _transposed(columns: Sequence[_OwnerColumns]) -> tuple[list[UUID], list[str], list[UUID], list[date | None]]:
    return (
        [workspace for workspace, _, _, _ in columns],
        [kind for _, kind, _, _ in columns],
        [owner for _, _, owner, _ in columns],
        [day for _, _, _, day in columns],
    )


def _found(row: asyncpg.Record) -> StoredDataKey | Destroyed | None:
    if row["destroyed"]:
        return Destroyed()
    if row["data_key_id"] is None:
        return None
    return StoredDataKey(
        reference=KeyReference(key_id=row["data_key_id"], version=row["version"]),
        wrapped=row["wrapped"],
        workspace_key=StoredWorkspaceKey(
            workspace_id=row["workspace_id"],
            version=row["workspace_key_version"],
            wrapped=row["workspace_key_wrapped"],
        ),
    )


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
