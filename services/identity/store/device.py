"""Known devices."""

from libs.db.transaction import Transaction
from services.identity.domain.device import Device


class PostgresDevices:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, device: Device) -> bool:
        # The lock, and not the reading alone: an erasure that removes what is there must not miss this one.
        erased = await self._tx.fetchval(
            "SELECT erased_at IS NOT NULL FROM subject WHERE subject_id = $1 FOR SHARE", device.subject_id
        )
        if erased:
            return False
        await self._tx.execute(
            "INSERT INTO device (subject_id, device_id, token_hash, remembered_at, expires_at)"
            " VALUES ($1, $2, $3, $4, $5)",
            device.subject_id,
            device.device_id,
            device.token_hash,
            device.remembered_at,
            device.expires_at,
        )
        return True
