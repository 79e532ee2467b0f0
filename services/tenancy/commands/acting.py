"""How a command acts for a member."""

from contextlib import AbstractAsyncContextManager

from services.tenancy.domain.caller import Insider
from services.tenancy.domain.ports import Store, UnitOfWork
from wardenry.permissions import Permission


def acting(store: Store, insider: Insider, permission: Permission) -> AbstractAsyncContextManager[UnitOfWork]:
    """A transaction in the insider's workspace, with the standing that its role has where `permission` is needed."""
    return store.begin(
        workspaces=[insider.workspace], subject=insider.caller.subject, standing=insider.standing_for(permission)
    )
