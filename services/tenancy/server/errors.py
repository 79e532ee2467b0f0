"""How tenancy's errors are told."""

import grpc

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.mail.address import AddressInvalid
from libs.rpc.errors import ErrorRow, ErrorTable
from libs.service.errors import AWAY, ID_INVALID, NOT_FOUND, PAGE_TOKEN_INVALID, taken
from services.tenancy.domain import errors
from wardenry.errors.v1 import reason_pb2

_INVALID = ErrorRow(
    code=grpc.StatusCode.INVALID_ARGUMENT, reason=reason_pb2.REASON_FIELD_INVALID, text="A field breaks its rule."
)

ERRORS: ErrorTable = {
    errors.IdInvalid: ID_INVALID,
    errors.NameInvalid: _INVALID,
    AddressInvalid: _INVALID,
    errors.PageTokenInvalid: PAGE_TOKEN_INVALID,
    errors.WorkspaceUnknown: NOT_FOUND,
    errors.WorkspaceExists: taken("This identifier is taken."),
    errors.SlugTaken: taken("This short name is taken."),
    errors.MemberUnknown: NOT_FOUND,
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
    errors.InvitationUnknown: NOT_FOUND,
    errors.InvitationExists: taken("This identifier is taken."),
    errors.AddressInvited: taken("There is an open invitation to this address."),
    errors.AddressOfMember: taken("Somebody with this address is a member already."),
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
    errors.SubjectUnknown: NOT_FOUND,
    errors.KeyGone: ErrorRow(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason=reason_pb2.REASON_KEY_DESTROYED,
        text="This person was erased from the workspace.",
    ),
    errors.KeysUnavailable: AWAY,
    errors.ContactsUnavailable: AWAY,
    DatabaseUnavailable: AWAY,
    DatabaseRefused: AWAY,
}
