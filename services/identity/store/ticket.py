"""Tickets."""

from datetime import datetime
from uuid import UUID

from libs.db.transaction import Transaction
from services.identity.domain.ticket import Redemption, Ticket
from services.identity.store.subject import audit_key


class PostgresTickets:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, ticket: Ticket) -> None:
        await self._tx.execute(
            """
            INSERT INTO ticket (
                subject_id, ticket_hash, subject_epoch, browser_binding, methods, context_class, authenticated_at,
                workspace_id, registered_at, expires_at
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            ticket.subject_id,
            ticket.ticket_hash,
            ticket.subject_epoch,
            ticket.browser_binding,
            ticket.methods,
            ticket.context_class,
            ticket.authenticated_at,
            ticket.workspace_id,
            ticket.registered_at,
            ticket.expires_at,
        )

    async def redeem(
        self, *, subject_id: UUID, ticket_hash: bytes, browser_binding: bytes, redemption_id: UUID, now: datetime
    ) -> Redemption | None:
        row = await self._tx.fetchrow(
            """
            UPDATE ticket AS t
            SET redemption_id = $4, redeemed_at = COALESCE(t.redeemed_at, $5)
            FROM subject AS s
            WHERE t.subject_id = $1 AND t.ticket_hash = $2
                AND s.subject_id = t.subject_id AND s.epoch = t.subject_epoch
                AND t.browser_binding = $3 AND t.expires_at > $5
                AND (t.redemption_id IS NULL OR t.redemption_id = $4)
            RETURNING
                t.subject_id, t.ticket_hash, t.subject_epoch, t.browser_binding, t.methods, t.context_class,
                t.authenticated_at, t.workspace_id, t.registered_at, t.expires_at,
                s.data_key_id, s.data_key_version, s.audit_public_key
            """,
            subject_id,
            ticket_hash,
            browser_binding,
            redemption_id,
            now,
        )
        if row is None:
            return None
        ticket = Ticket(
            subject_id=row["subject_id"],
            ticket_hash=row["ticket_hash"],
            subject_epoch=row["subject_epoch"],
            browser_binding=row["browser_binding"],
            methods=tuple(row["methods"]),
            context_class=row["context_class"],
            authenticated_at=row["authenticated_at"],
            workspace_id=row["workspace_id"],
            registered_at=row["registered_at"],
            expires_at=row["expires_at"],
        )
        return Redemption(ticket=ticket, audit_key=audit_key(row))
