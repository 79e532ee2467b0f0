"""How datarights' errors are told."""

from datetime import timedelta

import grpc

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.rpc.errors import ErrorRow, ErrorTable
from services.datarights.domain import errors
from wardenry.errors.v1 import reason_pb2

_NOT_FOUND = ErrorRow(
    code=grpc.StatusCode.NOT_FOUND, reason=reason_pb2.REASON_NOT_FOUND, text="There is no such thing for you."
)
_AWAY = ErrorRow(
    code=grpc.StatusCode.UNAVAILABLE,
    reason=reason_pb2.REASON_DEPENDENCY_UNAVAILABLE,
    text="Something that is needed does not answer.",
    retry_after=timedelta(seconds=1),
)
# These are met by the worker alone, which tries again.
_DEFECT = ErrorRow(
    code=grpc.StatusCode.INTERNAL, reason=reason_pb2.REASON_INTERNAL, text="Something went wrong on our side."
)


def _taken(text: str) -> ErrorRow:
    return ErrorRow(code=grpc.StatusCode.ALREADY_EXISTS, reason=reason_pb2.REASON_ALREADY_EXISTS, text=text)


ERRORS: ErrorTable = {
    errors.IdInvalid: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_FIELD_INVALID,
        text="An identifier must be a UUID of version 7.",
    ),
    errors.PageTokenInvalid: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_PAGE_TOKEN_INVALID,
        text="This page token is not one of this list.",
    ),
    errors.RequestUnknown: _NOT_FOUND,
    errors.RequestExists: _taken("This identifier is taken."),
    errors.RequestRunning: _taken("A request of this kind is under way already."),
    errors.ErasureObstructed: ErrorRow(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason=reason_pb2.REASON_LAST_OWNER,
        text="Workspaces would be left without an owner: make somebody else an owner of each first.",
    ),
    errors.SignInAgain: ErrorRow(
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason=reason_pb2.REASON_TOKEN_REVOKED,
        text="The session has ended; sign in again.",
    ),
    errors.PersonErased: ErrorRow(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason=reason_pb2.REASON_KEY_DESTROYED,
        text="This person was erased.",
    ),
    errors.KeysUnavailable: _AWAY,
    errors.WarrantsUnavailable: _AWAY,
    errors.ParticipantUnavailable: _AWAY,
    errors.ObjectsUnavailable: _AWAY,
    errors.ParticipantInvalid: _DEFECT,
    errors.PartInvalid: _DEFECT,
    errors.LeaseLost: _DEFECT,
    DatabaseUnavailable: _AWAY,
    DatabaseRefused: _AWAY,
}
