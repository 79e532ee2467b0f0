"""What the example does for its callers: a change happens when its entry in the audit log is certain, or not at all."""

import asyncio
from uuid import UUID

from libs.ids import Ids
from tests.support.records.store import Records
from wardenry.callers import Caller
from wardenry.record_client import RecordClient

KIND = "note"


class Changes:
    """Creates, updates and deletes records in the caller's workspace."""

    def __init__(self, *, records: Records, log: RecordClient, ids: Ids) -> None:
        self._records = records
        self._log = log
        self._ids = ids
        self._one_at_a_time = asyncio.Lock()

    def list(self, caller: Caller) -> dict[str, str]:
        return self._records.of(_workspace(caller))

    async def create(self, caller: Caller, record_id: str, text: str, *, address: str = "", agent: str = "") -> None:
        """Raises RecordPresent, WardenryError."""
        async with self._one_at_a_time:
            self._records.require_absent(_workspace(caller), record_id)
            await self._tell(caller, "record.created", record_id, address, agent)
            self._records.put(_workspace(caller), record_id, text)

    async def update(self, caller: Caller, record_id: str, text: str, *, address: str = "", agent: str = "") -> None:
        """Raises RecordAbsent, WardenryError."""
        async with self._one_at_a_time:
            self._records.require(_workspace(caller), record_id)
            await self._tell(caller, "record.updated", record_id, address, agent)
            self._records.put(_workspace(caller), record_id, text)

    async def delete(self, caller: Caller, record_id: str, *, address: str = "", agent: str = "") -> None:
        """Raises RecordAbsent, WardenryError."""
        async with self._one_at_a_time:
            self._records.require(_workspace(caller), record_id)
            await self._tell(caller, "record.deleted", record_id, address, agent)
            self._records.remove(_workspace(caller), record_id)

    async def _tell(self, caller: Caller, action: str, record_id: str, address: str, agent: str) -> None:
        await self._log.record(
            caller,
            event_id=self._ids.uuid7(),
            action=action,
            kind=KIND,
            record_id=record_id,
            client_address=address,
            client_agent=agent,
        )


def _workspace(caller: Caller) -> UUID:
    """The token's. Protection lets no token through that names none."""
    workspace = caller.token.workspace
    assert workspace is not None
    return workspace
