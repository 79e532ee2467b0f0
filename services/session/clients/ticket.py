"""Identity's tickets, over gRPC."""

from datetime import UTC
from uuid import UUID

from services.session.clients.reader_key import reader_key_of
from services.session.clients.refusal import unavailable_as
from services.session.domain.errors import TicketInvalid
from services.session.domain.session import Authentication
from wardenry.errors.error import Unauthenticated
from wardenry.errors.v1 import reason_pb2
from wardenry.identity.v1 import ticket_pb2, ticket_pb2_grpc


class GrpcTickets:
    def __init__(self, *, stub: "ticket_pb2_grpc.TicketServiceAsyncStub") -> None:
        self._stub = stub

    async def redeem(self, *, ticket: bytes, browser_binding: bytes, session: UUID) -> Authentication:
        request = ticket_pb2.RedeemTicketRequest(
            ticket=ticket, browser_binding=browser_binding, redemption_id=str(session)
        )
        with unavailable_as("identity"):
            try:
                answer = await self._stub.RedeemTicket(request)
            except Unauthenticated as error:
                if error.reason == reason_pb2.REASON_TICKET_INVALID:
                    raise TicketInvalid from error
                raise
        return Authentication(
            subject=UUID(answer.subject_id),
            subject_epoch=answer.subject_epoch,
            amr=tuple(answer.amr),
            acr=answer.acr,
            authenticated_at=answer.authenticated_at.ToDatetime(UTC),
            workspace=UUID(answer.workspace_id) if answer.workspace_id else None,
            audit_key=reader_key_of(answer.audit_key),
        )
