"""Session, over gRPC."""

from typing import TYPE_CHECKING, Final
from uuid import UUID

from services.identity.domain.errors import SessionsUnavailable
from wardenry.errors.error import WardenryError
from wardenry.session.v1 import session_pb2

if TYPE_CHECKING:
    # The typed stub exists for the type checker alone.
    from wardenry.session.v1.session_pb2_grpc import SessionServiceAsyncStub

_TIMEOUT_SECONDS: Final = 3.0


class GrpcSessions:
    def __init__(self, *, stub: "SessionServiceAsyncStub") -> None:
        self._stub = stub

    async def end_subject(self, subject_id: UUID, *, epoch: int, keep: UUID | None) -> None:
        request = session_pb2.EndSubjectRequest(
            subject_id=str(subject_id), epoch=epoch, keep_session_id=str(keep) if keep else ""
        )
        try:
            await self._stub.EndSubject(request, timeout=_TIMEOUT_SECONDS)
        except WardenryError as error:
            raise SessionsUnavailable from error
