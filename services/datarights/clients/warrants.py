"""Session's warrants, over gRPC."""

from typing import TYPE_CHECKING
from uuid import UUID

from libs.rpc.channel import as_user
from services.datarights.domain.errors import RequestExists, SignInAgain, WarrantsUnavailable
from wardenry.datarights.v1 import request_pb2
from wardenry.errors.error import AlreadyExists, Unauthenticated, WardenryError
from wardenry.session.v1 import warrant_pb2
from wardenry.warrants import ACCESS, ERASURE

if TYPE_CHECKING:
    # The typed stub exists for the type checker alone.
    from wardenry.session.v1.warrant_pb2_grpc import WarrantServiceAsyncStub

_RIGHTS = {ACCESS: request_pb2.RIGHT_ACCESS, ERASURE: request_pb2.RIGHT_ERASURE}


class GrpcWarrants:
    def __init__(self, *, stub: "WarrantServiceAsyncStub") -> None:
        self._stub = stub

    async def authorize(self, bearer: str, *, request: UUID, right: str) -> None:
        asked = warrant_pb2.AuthorizeRequestRequest(request_id=str(request), right=_RIGHTS[right])
        try:
            await self._stub.AuthorizeRequest(asked, metadata=as_user(bearer))
        except Unauthenticated as error:
            raise SignInAgain from error
        except AlreadyExists as error:
            raise RequestExists from error
        except WardenryError as error:
            raise WarrantsUnavailable from error

    async def forget(self, *, subject: UUID, request: UUID) -> None:
        asked = warrant_pb2.ForgetRequestRequest(subject_id=str(subject), request_id=str(request))
        try:
            await self._stub.ForgetRequest(asked)
        except WardenryError as error:
            raise WarrantsUnavailable(error.reason_name) from error

    async def warrant(self, *, subject: UUID, request: UUID) -> str:
        asked = warrant_pb2.IssueWarrantRequest(subject_id=str(subject), request_id=str(request))
        try:
            return (await self._stub.IssueWarrant(asked)).warrant
        except WardenryError as error:
            raise WarrantsUnavailable(error.reason_name) from error
