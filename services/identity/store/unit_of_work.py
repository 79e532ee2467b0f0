"""Identity's database, as its commands see it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Event
from libs.outbox.emit import emit
from services.identity.store.attempt import PostgresAttempts
from services.identity.store.device import PostgresDevices
from services.identity.store.mail import PostgresMails
from services.identity.store.registration import PostgresRegistrations
from services.identity.store.subject import PostgresSubjects
from services.identity.store.subject_data import PostgresSubjectData
from services.identity.store.ticket import PostgresTickets


class PostgresUnitOfWork:
    """One transaction."""

    def __init__(self, tx: Transaction, *, envelopes: EnvelopeBuilder) -> None:
        self._tx = tx
        self._envelopes = envelopes
        self.attempts = PostgresAttempts(tx)
        self.registrations = PostgresRegistrations(tx)
        self.subjects = PostgresSubjects(tx)
        self.subject_data = PostgresSubjectData(tx)
        self.devices = PostgresDevices(tx)
        self.tickets = PostgresTickets(tx)
        self.mails = PostgresMails(tx)

    async def emit(self, *events: Event) -> None:
        await emit(self._tx, *events, envelopes=self._envelopes)

    async def report_destruction(self, destruction_id: bytes, *, now: datetime) -> bool:
        status = await self._tx.execute(
            "INSERT INTO key_destruction (destruction_id, destroyed_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            destruction_id,
            now,
        )
        return status == "INSERT 0 1"


class PostgresStore:
    """Under the runtime role."""

    def __init__(self, *, database: Database, envelopes: EnvelopeBuilder) -> None:
        self._database = database
        self._envelopes = envelopes

    @asynccontextmanager
    async def transaction(self, *contexts: UUID) -> AsyncIterator[PostgresUnitOfWork]:
        async with self._database.transaction(Context(subjects=frozenset(contexts))) as tx:
            yield PostgresUnitOfWork(tx, envelopes=self._envelopes)

    async def find_account(
        self, address_tag: bytes, *, device_token_hash: bytes, now: datetime
    ) -> tuple[UUID | None, UUID | None]:
        rows = await self._database.fetch(
            "SELECT subject_id, device_id FROM find_account($1, $2, $3)", address_tag, device_token_hash, now
        )
        return (rows[0]["subject_id"], rows[0]["device_id"]) if rows else (None, None)

    async def find_ticket(self, ticket_hash: bytes) -> UUID | None:
        rows = await self._database.fetch("SELECT find_ticket($1) AS subject_id", ticket_hash)
        found: UUID | None = rows[0]["subject_id"]
        return found
