"""How session's errors are told."""

import grpc

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.rpc.errors import ErrorRow, ErrorTable
from libs.service.errors import AWAY, NOT_FOUND
from services.session.commands.signing_key import SigningKeyMissing
from services.session.domain import errors
from wardenry.errors.v1 import reason_pb2

_ONCE = ErrorRow(
    code=grpc.StatusCode.ABORTED,
    reason=reason_pb2.REASON_CONFLICT,
    text="This exists already; its tokens were shown once.",
)

ERRORS: ErrorTable = {
    errors.TicketInvalid: ErrorRow(
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason=reason_pb2.REASON_TICKET_INVALID,
        text="The sign-in has expired or was used already; begin anew.",
    ),
    errors.SessionExists: _ONCE,
    errors.GrantExists: _ONCE,
    errors.SessionNotFound: NOT_FOUND,
    errors.NotMember: NOT_FOUND,
    errors.SessionEnded: ErrorRow(
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason=reason_pb2.REASON_TOKEN_REVOKED,
        text="The session has ended; sign in again.",
    ),
    errors.WarrantExists: ErrorRow(
        code=grpc.StatusCode.ALREADY_EXISTS,
        reason=reason_pb2.REASON_ALREADY_EXISTS,
        text="This request id was used already.",
    ),
    errors.WarrantNotFound: NOT_FOUND,
    errors.RefreshInvalid: ErrorRow(
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason=reason_pb2.REASON_REFRESH_INVALID,
        text="The session has ended; sign in again.",
    ),
    errors.RefreshReused: ErrorRow(
        code=grpc.StatusCode.UNAUTHENTICATED,
        reason=reason_pb2.REASON_REFRESH_REUSED,
        text="This refresh token was used before. To be safe the session was ended; sign in again.",
    ),
    errors.RefreshBusy: ErrorRow(
        code=grpc.StatusCode.ABORTED,
        reason=reason_pb2.REASON_REFRESH_BUSY,
        text="The session is being refreshed already.",
        retry_after=errors.RefreshBusy.retry_after,
    ),
    errors.RefreshLimited: ErrorRow(
        code=grpc.StatusCode.RESOURCE_EXHAUSTED,
        reason=reason_pb2.REASON_RATE_LIMITED,
        text="The session is refreshed too often: try again later.",
    ),
    errors.AudienceUnknown: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_AUDIENCE_UNKNOWN,
        text="No service of this name takes tokens.",
    ),
    errors.PageTokenInvalid: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_PAGE_TOKEN_INVALID,
        text="This page token is not one of this list.",
    ),
    errors.DependencyUnavailable: AWAY,
    SigningKeyMissing: AWAY,
    DatabaseUnavailable: AWAY,
    DatabaseRefused: AWAY,
}
