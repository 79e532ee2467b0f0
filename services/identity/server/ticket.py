"""TicketService."""

from typing import Any
from uuid import UUID

from services.identity.commands.ticket import RedeemTicket
from services.identity.server.vault import public_key_message
from wardenry.identity.v1 import ticket_pb2 as messages
from wardenry.identity.v1.ticket_pb2_grpc import TicketServiceServicer


class TicketHandlers(TicketServiceServicer):
    def __init__(self, *, redeem_ticket: RedeemTicket) -> None:
        self._redeem_ticket = redeem_ticket

    async def RedeemTicket(self, request: messages.RedeemTicketRequest, context: Any) -> messages.RedeemTicketResponse:
        redemption = await self._redeem_ticket(
            ticket=request.ticket,
            browser_binding=request.browser_binding,
            redemption_id=UUID(request.redemption_id),
        )
        ticket = redemption.ticket
        response = messages.RedeemTicketResponse(
            subject_id=str(ticket.subject_id),
            subject_epoch=ticket.subject_epoch,
            amr=ticket.methods,
            acr=ticket.context_class,
            workspace_id=str(ticket.workspace_id) if ticket.workspace_id else "",
            audit_key=public_key_message(redemption.audit_key),
            registered=ticket.registered_at is not None,
        )
        response.authenticated_at.FromDatetime(ticket.authenticated_at)
        return response
