"""How datarights' errors are told."""

import grpc

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.rpc.errors import ErrorRow, ErrorTable
from libs.service.errors import AWAY, ID_INVALID, NOT_FOUND, PAGE_TOKEN_INVALID, taken
from services.datarights.domain import errors
from wardenry.errors.v1 import reason_pb2

# These are met by the worker alone, which tries again.
_DEFECT = ErrorRow(
    code=grpc.StatusCode.INTERNAL, reason=reason_pb2.REASON_INTERNAL, text="Something went wrong on our side."
)

ERRORS: ErrorTable = {
    errors.IdInvalid: ID_INVALID,
    errors.PageTokenInvalid: PAGE_TOKEN_INVALID,
    errors.RequestUnknown: NOT_FOUND,
    errors.RequestExists: taken("This identifier is taken."),
    errors.RequestRunning: taken("A request of this kind is under way already."),
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
    errors.KeysUnavailable: AWAY,
    errors.WarrantsUnavailable: AWAY,
    errors.ParticipantUnavailable: AWAY,
    errors.ObjectsUnavailable: AWAY,
    errors.ParticipantInvalid: _DEFECT,
    errors.PartInvalid: _DEFECT,
    errors.LeaseLost: _DEFECT,
    DatabaseUnavailable: AWAY,
    DatabaseRefused: AWAY,
}
