"""Tenancy's database: transactions in their scope, and the look-ups before a scope exists."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from uuid import UUID

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Event
from libs.feed.announcement import OwnFeed
from libs.outbox.emit import emit
from services.tenancy.domain.caller import Standing
from services.tenancy.store.invitation import PostgresInvitations
from services.tenancy.store.membership import PostgresMemberships
from services.tenancy.store.subject_data import PostgresSubjectData
from services.tenancy.store.workspace import PostgresWorkspaces


class PostgresUnitOfWork:
    def __init__(self, *, tx: Transaction, envelopes: EnvelopeBuilder, feed: OwnFeed) -> None:
        self._tx = tx
        self._envelopes = envelopes
        self.workspaces = PostgresWorkspaces(tx)
        self.memberships = PostgresMemberships(tx, feed=feed)
        self.invitations = PostgresInvitations(tx)
        self.subject_data = PostgresSubjectData(tx)

    async def emit(self, event: Event) -> None:
        await emit(self._tx, event, envelopes=self._envelopes)


class PostgresStore:
    """The runtime role's view. Lets DatabaseUnavailable through."""

    def __init__(self, *, database: Database, envelopes: EnvelopeBuilder, feed: OwnFeed) -> None:
        """`feed` is that of memberships, which this process serves."""
        self._database = database
        self._envelopes = envelopes
        self._feed = feed

    @asynccontextmanager
    async def begin(
        self, *, workspaces: Collection[UUID], subject: UUID | None = None, standing: Standing = ""
    ) -> AsyncIterator[PostgresUnitOfWork]:
        context = Context(
            workspaces=frozenset(workspaces),
            subjects=frozenset() if subject is None else frozenset({subject}),
            standing=standing,
        )
        async with self._database.transaction(context) as tx:
            yield PostgresUnitOfWork(tx=tx, envelopes=self._envelopes, feed=self._feed)

    async def workspace_of_slug(self, slug: str) -> UUID | None:
        rows = await self._database.fetch("SELECT workspace_of_slug($1) AS found", slug)
        found: UUID | None = rows[0]["found"]
        return found

    async def workspaces_of(self, subject: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
        async with self._database.transaction(Context(subjects=frozenset({subject}))) as tx:
            rows = await tx.fetch("SELECT found FROM workspaces_of_subject($1, $2) AS found", after, limit)
        return [row["found"] for row in rows]

    async def past_workspaces_of(self, subject: UUID) -> list[UUID]:
        async with self._database.transaction(Context(subjects=frozenset({subject}))) as tx:
            rows = await tx.fetch("SELECT found FROM past_workspaces_of_subject() AS found")
        return [row["found"] for row in rows]

    async def workspace_of_invitation(self, invitation: UUID, secret_hash: bytes) -> UUID | None:
        rows = await self._database.fetch("SELECT workspace_of_invitation($1, $2) AS found", invitation, secret_hash)
        found: UUID | None = rows[0]["found"]
        return found
