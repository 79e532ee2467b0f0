"""Roles and what they may do. docs/permissions.md prints this matrix; a test keeps the two the same.

A permission is "noun.verb". Products may name their own: what the matrix does not list, nobody holds.
"""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a member is in a workspace, from most to least."""

    OWNER = "owner"
    ADMIN = "admin"
    MANAGER = "manager"
    MEMBER = "member"

    def is_above(self, other: "Role") -> bool:
        """Whether this role outranks the other; none outranks itself."""
        return _RANK[self] > _RANK[other]


_RANK: Mapping[Role, int] = {Role.OWNER: 4, Role.ADMIN: 3, Role.MANAGER: 2, Role.MEMBER: 1}


class Permission(StrEnum):
    """What a role may be allowed."""

    WORKSPACE_READ = "workspace.read"
    WORKSPACE_UPDATE = "workspace.update"
    MEMBER_READ = "member.read"
    MEMBER_UPDATE = "member.update"
    INVITATION_CREATE = "invitation.create"
    INVITATION_READ = "invitation.read"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    RECORD_READ = "record.read"
    RECORD_WRITE = "record.write"
    RECORD_DELETE = "record.delete"


_MEMBER = frozenset(
    {Permission.WORKSPACE_READ, Permission.MEMBER_READ, Permission.RECORD_READ, Permission.RECORD_WRITE}
)
_MANAGER = _MEMBER | {Permission.INVITATION_CREATE, Permission.INVITATION_READ, Permission.RECORD_DELETE}
_ADMIN = _MANAGER | {
    Permission.WORKSPACE_UPDATE,
    Permission.MEMBER_UPDATE,
    Permission.AUDIT_READ,
    Permission.AUDIT_EXPORT,
}

#: What each role may do. An owner may do what an admin may, and alone can make or unmake owners: a role above one's own
#: cannot be given, taken or changed.
ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: _ADMIN,
    Role.ADMIN: _ADMIN,
    Role.MANAGER: _MANAGER,
    Role.MEMBER: _MEMBER,
}

_ALLOWED: frozenset[tuple[str, str]] = frozenset(
    (role.value, permission.value) for role, permissions in ROLE_PERMISSIONS.items() for permission in permissions
)


def allows(role: str | None, permission: str) -> bool:
    """Whether the role holds the permission. Unknown roles and permissions: no."""
    return role is not None and (role, permission) in _ALLOWED
