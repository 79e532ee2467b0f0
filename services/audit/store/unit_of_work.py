"""One transaction over the rows of some logs."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from uuid import UUID

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Event
from libs.outbox.emit import emit
from services.audit.store.anchor import PostgresAnchors
from services.audit.store.entry import PostgresEntries
from services.audit.store.key import PostgresCheckpointKeys
from services.audit.store.log import PostgresCheckpoints, PostgresTrees
from services.audit.store.record import PostgresReceipts
from services.audit.store.segment import PostgresSegments


class PostgresUnitOfWork:
    """Within a transaction whose context names the logs."""

    def __init__(self, *, tx: Transaction, envelopes: EnvelopeBuilder) -> None:
        self._tx = tx
        self._envelopes = envelopes
        self.entries = PostgresEntries(tx=tx)
        self.trees = PostgresTrees(tx=tx)
        self.checkpoints = PostgresCheckpoints(tx=tx)
        self.anchors = PostgresAnchors(tx=tx)
        self.segments = PostgresSegments(tx=tx)
        self.keys = PostgresCheckpointKeys(tx=tx)
        self.receipts = PostgresReceipts(tx=tx)

    async def emit(self, event: Event) -> None:
        await emit(self._tx, event, envelopes=self._envelopes)


class PostgresUnitsOfWork:
    def __init__(self, *, database: Database, envelopes: EnvelopeBuilder) -> None:
        self._database = database
        self._envelopes = envelopes

    @asynccontextmanager
    async def begin(self, logs: Collection[UUID]) -> AsyncIterator[PostgresUnitOfWork]:
        async with self._database.transaction(Context(workspaces=frozenset(logs))) as tx:
            yield self.within(tx)

    def within(self, tx: Transaction) -> PostgresUnitOfWork:
        """The same over a transaction that is open already, and whose context names the logs."""
        return PostgresUnitOfWork(tx=tx, envelopes=self._envelopes)
