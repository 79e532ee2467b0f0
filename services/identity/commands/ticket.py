"""Tickets, as session spends them."""

from uuid import UUID

from libs.crypto.secret_hash import hash_of
from services.identity.domain.errors import TicketInvalid
from services.identity.domain.ports import Store
from services.identity.domain.ticket import Redemption
from wardenry.clock import Clock


class RedeemTicket:
    """Spends a ticket, once."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, *, ticket: bytes, browser_binding: bytes, redemption_id: UUID) -> Redemption:
        """What was proved. The same redemption may be repeated within the ticket's life. Raises TicketInvalid."""
        ticket_hash = hash_of(ticket)
        subject_id = await self._store.find_ticket(ticket_hash)
        if subject_id is None:
            raise TicketInvalid
        async with self._store.transaction(subject_id) as tx:
            redemption = await tx.tickets.redeem(
                subject_id=subject_id,
                ticket_hash=ticket_hash,
                browser_binding=browser_binding,
                redemption_id=redemption_id,
                now=self._clock.now(),
            )
        if redemption is None:
            raise TicketInvalid
        return redemption
