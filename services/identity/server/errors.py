"""How identity's errors are told: code, reason, public text."""

from datetime import timedelta
from typing import Final

from grpc import StatusCode

from libs.crypto.errors import KeyDestroyed
from libs.db.errors import DatabaseUnavailable
from libs.mail.address import AddressInvalid
from libs.rpc.errors import ErrorRow, ErrorTable
from libs.service.errors import taken
from services.identity.domain import errors
from wardenry.errors.v1 import reason_pb2 as reasons

_SOON: Final = timedelta(seconds=1)

ERRORS: Final[ErrorTable] = {
    AddressInvalid: ErrorRow(
        code=StatusCode.INVALID_ARGUMENT,
        reason=reasons.REASON_FIELD_INVALID,
        text="That is no e-mail address.",
    ),
    errors.NameInvalid: ErrorRow(
        code=StatusCode.INVALID_ARGUMENT,
        reason=reasons.REASON_FIELD_INVALID,
        text="That name cannot be shown.",
    ),
    errors.RegistrationExists: taken("This identifier is taken."),
    errors.PasswordWeak: ErrorRow(
        code=StatusCode.INVALID_ARGUMENT,
        reason=reasons.REASON_PASSWORD_WEAK,
        text="That password would be guessed.",
    ),
    errors.CredentialsInvalid: ErrorRow(
        code=StatusCode.UNAUTHENTICATED,
        reason=reasons.REASON_CREDENTIALS_INVALID,
        text="Address or password is wrong.",
    ),
    errors.AuthenticationDelayed: ErrorRow(
        code=StatusCode.RESOURCE_EXHAUSTED,
        reason=reasons.REASON_AUTHENTICATION_DELAYED,
        text="Too many failures: wait before you try again.",
    ),
    errors.CodeInvalid: ErrorRow(
        code=StatusCode.UNAUTHENTICATED,
        reason=reasons.REASON_CODE_INVALID,
        text="The code is wrong, spent or expired, or was asked for in another browser.",
    ),
    errors.TicketInvalid: ErrorRow(
        code=StatusCode.UNAUTHENTICATED,
        reason=reasons.REASON_TICKET_INVALID,
        text="The ticket is wrong, spent or expired, or of another browser.",
    ),
    errors.CredentialChanged: ErrorRow(
        code=StatusCode.ABORTED,
        reason=reasons.REASON_CONFLICT,
        text="The password was changed by another request just now.",
    ),
    errors.SubjectUnknown: ErrorRow(
        code=StatusCode.NOT_FOUND,
        reason=reasons.REASON_NOT_FOUND,
        text="There is no such subject.",
    ),
    errors.HashingBusy: ErrorRow(
        code=StatusCode.RESOURCE_EXHAUSTED,
        reason=reasons.REASON_RATE_LIMITED,
        text="Too many people sign in at this moment: try again.",
        retry_after=_SOON,
    ),
    errors.SessionsUnavailable: ErrorRow(
        code=StatusCode.UNAVAILABLE,
        reason=reasons.REASON_DEPENDENCY_UNAVAILABLE,
        text="The password was changed. Other sessions are not confirmed to have ended yet; they will be.",
        retry_after=_SOON,
    ),
    errors.PlatformIndestructible: ErrorRow(
        code=StatusCode.INVALID_ARGUMENT,
        reason=reasons.REASON_FIELD_INVALID,
        text="That is no workspace.",
    ),
    KeyDestroyed: ErrorRow(
        code=StatusCode.FAILED_PRECONDITION,
        reason=reasons.REASON_KEY_DESTROYED,
        text="The person's key has been destroyed.",
    ),
    DatabaseUnavailable: ErrorRow(
        code=StatusCode.UNAVAILABLE,
        reason=reasons.REASON_DEPENDENCY_UNAVAILABLE,
        text="A store that is needed does not answer.",
        retry_after=_SOON,
    ),
}
