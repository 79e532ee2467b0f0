"""Workspaces in PostgreSQL."""

from datetime import timedelta
from uuid import UUID

import asyncpg

from libs.db.transaction import Transaction
from services.tenancy.domain.errors import SlugTaken
from services.tenancy.domain.workspace import SessionPolicy, Workspace

_COLUMNS = "workspace_id, name, slug, region, created_at, created_by, idle_seconds, absolute_seconds"

# Without a conflict target: naming one would need the right to read the column.
_ADD = f"INSERT INTO workspace ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"  # noqa: S608 - of constants alone
_CLAIM = "INSERT INTO workspace_slug (slug, workspace_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_FIND = f"SELECT {_COLUMNS} FROM workspace WHERE workspace_id = $1"  # noqa: S608 - of constants alone
_LOCK = f"{_FIND} FOR NO KEY UPDATE"
_FIND_ALL = f"SELECT {_COLUMNS} FROM workspace ORDER BY workspace_id"  # noqa: S608 - of constants alone
_RENAME = "UPDATE workspace SET name = $2 WHERE workspace_id = $1"


class PostgresWorkspaces:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, workspace: Workspace) -> bool:
        stored = await self._tx.execute(
            _ADD,
            workspace.id,
            workspace.name,
            workspace.slug,
            workspace.region,
            workspace.created_at,
            workspace.created_by,
            int(workspace.policy.idle.total_seconds()),
            int(workspace.policy.absolute.total_seconds()),
        )
        if stored != "INSERT 0 1":
            return False
        if await self._tx.execute(_CLAIM, workspace.slug, workspace.id) != "INSERT 0 1":
            raise SlugTaken
        return True

    async def find(self, workspace: UUID) -> Workspace | None:
        row = await self._tx.fetchrow(_FIND, workspace)
        return None if row is None else _workspace(row)

    async def lock(self, workspace: UUID) -> Workspace | None:
        row = await self._tx.fetchrow(_LOCK, workspace)
        return None if row is None else _workspace(row)

    async def find_all(self) -> list[Workspace]:
        return [_workspace(row) for row in await self._tx.fetch(_FIND_ALL)]

    async def rename(self, workspace: UUID, name: str) -> None:
        await self._tx.execute(_RENAME, workspace, name)


def policy_of(row: asyncpg.Record) -> SessionPolicy:
    return SessionPolicy(
        idle=timedelta(seconds=row["idle_seconds"]), absolute=timedelta(seconds=row["absolute_seconds"])
    )


def _workspace(row: asyncpg.Record) -> Workspace:
    return Workspace(
        id=row["workspace_id"],
        name=row["name"],
        slug=row["slug"],
        region=row["region"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        policy=policy_of(row),
    )
