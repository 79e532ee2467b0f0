"""Data keys as the vault stores them."""

from dataclasses import dataclass, field
from uuid import UUID

from libs.crypto.key_owner import InvitationOwner, KeyOwner, KeyReference, SubjectOwner, VisitorOwner


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWorkspaceKey:
    """The key that wraps a workspace's data keys."""

    workspace_id: UUID
    version: int
    #: Wrapped by the region's key; None once destroyed.
    wrapped: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDataKey:
    """A data key with the key that wraps it."""

    reference: KeyReference
    #: Sealed under the workspace's key.
    wrapped: bytes = field(repr=False)
    workspace_key: StoredWorkspaceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDataKey:
    """A data key to add, unless its owner has one by then or lost it for good."""

    owner: KeyOwner
    reference: KeyReference
    wrapped: bytes = field(repr=False)


def workspace_of(owner: KeyOwner) -> UUID:
    """Whose key wraps the owner's data key: for visitors, the log's."""
    match owner:
        case SubjectOwner(workspace=workspace) | InvitationOwner(workspace=workspace):
            return workspace
        case VisitorOwner(log=log):
            return log
