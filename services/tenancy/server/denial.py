"""Refusals for want of a permission, on their way into the log."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.rpc.call import Call
from services.tenancy.commands.denial import RecordDenial
from services.tenancy.domain.errors import PermissionMissing, RoleAboveOwn
from services.tenancy.server.caller import insider_of
from wardenry.permissions import Permission


class Denials:
    """Records refusals: the interceptor's, by the token's role, and the commands', by the role in the database."""

    def __init__(self, *, record: RecordDenial, permissions: Mapping[str, str]) -> None:
        """`permissions` has the permission that each method's rule names."""
        self._record = record
        self._permissions = permissions

    async def refused(self, call: Call, method: str) -> None:
        """The interceptor's hook."""
        await self._record(insider_of(call), permission=self._permissions.get(method, ""), rpc=method)

    @asynccontextmanager
    async def recorded(self, call: Call, method: str, permission: Permission) -> AsyncIterator[None]:
        """Around a command that decides by the role in the database."""
        try:
            yield
        except (PermissionMissing, RoleAboveOwn):
            await self._record(insider_of(call), permission=permission, rpc=method)
            raise
