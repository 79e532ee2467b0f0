"""Tenancy's platform."""

from datetime import UTC
from uuid import UUID

from services.operator.clients.deployment import Deployment
from services.operator.domain.founding import AlreadyFounded, Founding, FoundingRefused
from wardenry.errors.error import AlreadyExists, FailedPrecondition, InvalidArgument
from wardenry.errors.v1 import reason_pb2
from wardenry.tenancy.v1 import platform_pb2, platform_pb2_grpc

#: Seconds for an answer: tenancy asks identity for a key.
_PATIENCE = 10.0


class GrpcPlatform:
    def __init__(self, *, deployment: Deployment) -> None:
        self._deployment = deployment

    async def invite_founder(self, *, invitation_id: UUID, address: str, name: str) -> Founding:
        stub = platform_pb2_grpc.PlatformServiceStub(self._deployment.channel("tenancy"))
        request = platform_pb2.InviteFounderRequest(invitation_id=str(invitation_id), address=address, name=name)
        try:
            answer = await stub.InviteFounder(request, timeout=_PATIENCE)
        except FailedPrecondition as error:
            if error.reason == reason_pb2.REASON_PLATFORM_FOUNDED:
                raise AlreadyFounded from error
            raise
        except InvalidArgument as error:
            wrong = "; ".join(f"{each.field}: {each.description}" for each in error.violations)
            raise FoundingRefused(wrong or error.message) from error
        except AlreadyExists as error:
            raise FoundingRefused(error.message) from error
        return Founding(link=answer.link, expires_at=answer.expires_at.ToDatetime(tzinfo=UTC), voided=answer.voided)
