"""Recording that a call was refused for want of a permission."""

from services.tenancy.commands.circumstances import Recorder
from services.tenancy.domain import events
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.ports import Store


class RecordDenial:
    """Writes `permission.denied` into the log of the caller's workspace."""

    def __init__(self, *, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    async def __call__(self, insider: Insider, *, permission: str, rpc: str) -> None:
        """`rpc` is the method's full name."""
        caller, workspace = insider.caller, insider.workspace
        at = await self._recorder.circumstances(caller, workspace)
        async with self._store.begin(workspaces=[workspace], subject=caller.subject, standing="member") as work:
            actor = await work.memberships.find(workspace, caller.subject)
            await work.emit(events.permission_denied(at, actor, permission=permission, rpc=rpc))
