"""One transaction over one subject's rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Event
from libs.feed.announcement import OwnFeed
from libs.ids import Ids
from libs.outbox.emit import emit
from services.session.store.grant import PostgresGrants
from services.session.store.revocation import PostgresRevocations
from services.session.store.session import PostgresSessions
from services.session.store.subject import PostgresSubjects
from services.session.store.subject_data import PostgresSubjectData
from services.session.store.warrant import PostgresWarrants


class PostgresUnitOfWork:
    """Within a transaction whose context names the subject."""

    def __init__(self, *, tx: Transaction, subject: UUID, ids: Ids, envelopes: EnvelopeBuilder, feed: OwnFeed) -> None:
        self._tx = tx
        self._envelopes = envelopes
        self.sessions = PostgresSessions(tx=tx, subject=subject)
        self.grants = PostgresGrants(tx=tx, subject=subject)
        self.subjects = PostgresSubjects(tx=tx, subject=subject)
        self.revocations = PostgresRevocations(tx=tx, subject=subject, ids=ids, feed=feed)
        self.subject_data = PostgresSubjectData(tx=tx, subject=subject)
        self.warrants = PostgresWarrants(tx=tx, subject=subject)

    async def emit(self, event: Event) -> None:
        await emit(self._tx, event, envelopes=self._envelopes)


class PostgresUnitsOfWork:
    def __init__(self, *, database: Database, ids: Ids, envelopes: EnvelopeBuilder, feed: OwnFeed) -> None:
        """`feed` is that of revocations, which this process serves."""
        self._database = database
        self._ids = ids
        self._envelopes = envelopes
        self._feed = feed

    @asynccontextmanager
    async def begin(self, subject: UUID) -> AsyncIterator[PostgresUnitOfWork]:
        async with self._database.transaction(Context(subjects=frozenset({subject}))) as tx:
            yield self.within(tx, subject)

    def within(self, tx: Transaction, subject: UUID) -> PostgresUnitOfWork:
        """The same over a transaction that is open already, and whose context names the subject."""
        return PostgresUnitOfWork(tx=tx, subject=subject, ids=self._ids, envelopes=self._envelopes, feed=self._feed)
