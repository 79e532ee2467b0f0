"""One transaction over one subject's rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Event
from libs.outbox.emit import emit
from services.datarights.store.request import PostgresRequests


class PostgresUnitOfWork:
    """Within a transaction whose context names the subject."""

    def __init__(self, *, tx: Transaction, subject: UUID, envelopes: EnvelopeBuilder) -> None:
        self._tx = tx
        self._envelopes = envelopes
        self.requests = PostgresRequests(tx=tx, subject=subject)

    async def emit(self, event: Event) -> None:
        await emit(self._tx, event, envelopes=self._envelopes)


class PostgresUnitsOfWork:
    def __init__(self, *, database: Database, envelopes: EnvelopeBuilder) -> None:
        self._database = database
        self._envelopes = envelopes

    @asynccontextmanager
    async def begin(self, subject: UUID) -> AsyncIterator[PostgresUnitOfWork]:
        async with self._database.transaction(Context(subjects=frozenset({subject}))) as tx:
            yield PostgresUnitOfWork(tx=tx, subject=subject, envelopes=self._envelopes)
