"""How tenancy's errors are told."""

from datetime import timedelta

import grpc

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.mail.address import AddressInvalid
from libs.rpc.errors import ErrorRow, ErrorTable
from services.tenancy.domain import errors
from wardenry.errors.v1 import reason_pb2

_INVALID = ErrorRow(
    code=grpc.StatusCode.INVALID_ARGUMENT, reason=reason_pb2.REASON_FIELD_INVALID, text="A field breaks its rule."
)
_NOT_FOUND = ErrorRow(
    code=grpc.StatusCode.NOT_FOUND, reason=reason_pb2.REASON_NOT_FOUND, text="There is no such thing for you."
)
_AWAY = ErrorRow(
    code=grpc.StatusCode.UNAVAILABLE,
    reason=reason_pb2.REASON_DEPENDENCY_UNAVAILABLE,
    text="Something that is needed does not answer.",
    retry_after=timedelta(seconds=1),
)


def _taken(text: str) -> ErrorRow:
    return ErrorRow(code=grpc.StatusCode.ALREADY_EXISTS, reason=reason_pb2.REASON_ALREADY_EXISTS, text=text)


ERRORS: ErrorTable = {
    errors.IdInvalid: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_FIELD_INVALID,
        text="An identifier must be a UUID of version 7.",
    ),
    errors.NameInvalid: _INVALID,
    AddressInvalid: _INVALID,
    errors.PageTokenInvalid: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_PAGE_TOKEN_INVALID,
        text="This page token is not one of this list.",
    ),
    errors.WorkspaceUnknown: _NOT_FOUND,
    errors.WorkspaceExists: _taken("This identifier is taken."),
    errors.SlugTaken: _taken("This name in URLs is taken."),
    errors.MemberUnknown: _NOT_FOUND,
    errors.MemberAlready: ErrorRow(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason=reason_pb2.REASON_MEMBER_ALREADY,
        text="You are a member of this workspace already.",
    ),
    errors.PermissionMissing: ErrorRow(
        code=grpc.StatusCode.PERMISSION_DENIED,
        reason=reason_pb2.REASON_PERMISSION_DENIED,
        text="Your role does not allow this.",
    ),
    errors.RoleAboveOwn: ErrorRow(
        code=grpc.StatusCode.PERMISSION_DENIED,
        reason=reason_pb2.REASON_ROLE_ABOVE_OWN,
        text="A role above your own cannot be given, taken or changed.",
    ),
    errors.LastOwner: ErrorRow(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason=reason_pb2.REASON_LAST_OWNER,
        text="A workspace keeps at least one owner.",
    ),
    errors.InvitationUnknown: _NOT_FOUND,
    errors.InvitationExists: _taken("This identifier is taken."),
    errors.InvitationInvalid: ErrorRow(
        code=grpc.StatusCode.NOT_FOUND,
        reason=reason_pb2.REASON_INVITATION_INVALID,
        text="This invitation does not work: it was used, has ended, or is for another address.",
    ),
    errors.PlatformFounded: ErrorRow(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason=reason_pb2.REASON_PLATFORM_FOUNDED,
        text="The platform has its operators: they invite the next ones.",
    ),
    errors.SubjectUnknown: _NOT_FOUND,
    errors.KeyGone: ErrorRow(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason=reason_pb2.REASON_KEY_DESTROYED,
        text="This person was erased from the workspace.",
    ),
    errors.KeysUnavailable: _AWAY,
    errors.ContactsUnavailable: _AWAY,
    DatabaseUnavailable: _AWAY,
    DatabaseRefused: _AWAY,
}
