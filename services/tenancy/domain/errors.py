"""What can be wrong. server/errors.py says how each is answered."""

from collections.abc import Mapping, Sequence

from wardenry.errors.error import Violation
from wardenry.permissions import Permission


class IdInvalid(Exception):
    """An identifier chosen by the caller is no UUID version 7, or is reserved."""


class NameInvalid(Exception):
    """A workspace's name is empty, too long, or holds characters that cannot be shown."""

    violations: Sequence[Violation] = (
        Violation("name", "must have 1 to 100 characters, none of them a control character"),
    )


class PageTokenInvalid(Exception):
    """A page token that this list did not hand out."""


class WorkspaceUnknown(Exception):
    """There is no such workspace, or it is not the caller's to see."""


class WorkspaceExists(Exception):
    """The identifier is taken by another workspace."""


class SlugTaken(Exception):
    """Another workspace has this slug."""


class MemberUnknown(Exception):
    """The workspace has no such member."""


class MemberAlready(Exception):
    """The subject is a member already."""


class PermissionMissing(Exception):
    """The actor's role, as it is now, does not hold the permission."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(permission.value)
        self.permission = permission
        self.metadata: Mapping[str, str] = {"permission": permission.value}


class RoleAboveOwn(Exception):
    """A role above the actor's own would be given, taken or changed."""


class LastOwner(Exception):
    """The workspace would be left without an owner."""


class InvitationUnknown(Exception):
    """The workspace has no such open invitation."""


class InvitationExists(Exception):
    """The identifier is taken by another invitation."""


class AddressInvited(Exception):
    """The workspace has an open invitation to this address."""

    violations: Sequence[Violation] = (Violation("address", "There is an open invitation to this address."),)


class AddressOfMember(Exception):
    """A member of the workspace has this address."""

    violations: Sequence[Violation] = (Violation("address", "Somebody with this address is a member already."),)


class InvitationInvalid(Exception):
    """Unknown, spent, expired, revoked, for another address, or by somebody who may not give this role any more."""


class PlatformFounded(Exception):
    """The platform has, or has had, its first owner."""


class SubjectUnknown(Exception):
    """Identity does not know the subject, or has erased it."""


class KeyGone(Exception):
    """The key for this person in this workspace was destroyed, and is never made again."""


class KeysUnavailable(Exception):
    """The vault did not answer. Nothing has happened."""


class ContactsUnavailable(Exception):
    """Identity did not answer. Nothing has happened."""
