"""The keys that checkpoints are signed with."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.db.transaction import Transaction
from services.audit.domain.key import CheckpointKey
from wardenry.log.note import VerifierKey

# Who signs shares it, who ends a key has it alone: nothing is signed by a key that is over.
_SHARE = "SELECT pg_advisory_xact_lock_shared(hashtext('wardenry audit checkpoint key'))"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('wardenry audit checkpoint key'))"
# The present one is told by its not being over: clocks go back, and differ.
_ALL = "SELECT key, began_at, ended_at, event_id FROM checkpoint_key ORDER BY event_id IS NULL, began_at"
_PRESENT = "SELECT key FROM checkpoint_key WHERE ended_at IS NULL"
_BEGIN = "INSERT INTO checkpoint_key (key, began_at) VALUES ($1, $2)"
_END = "UPDATE checkpoint_key SET ended_at = $2 WHERE key = $1 AND ended_at IS NULL"
_RETIRE = "UPDATE checkpoint_key SET event_id = $2 WHERE key = $1 AND event_id IS NULL"


class PostgresCheckpointKeys:
    def __init__(self, *, tx: Transaction) -> None:
        self._tx = tx

    async def all(self) -> Sequence[CheckpointKey]:
        return [
            CheckpointKey(
                key=VerifierKey.parse(row["key"]),
                began_at=row["began_at"],
                ended_at=row["ended_at"],
                event_id=row["event_id"],
            )
            for row in await self._tx.fetch(_ALL)
        ]

    async def is_present(self, key: VerifierKey) -> bool:
        await self._tx.execute(_SHARE)
        return bool(await self._tx.fetchval(_PRESENT) == str(key))

    async def lock(self) -> None:
        await self._tx.execute(_LOCK)

    async def begin(self, key: VerifierKey, *, at: datetime) -> None:
        await self._tx.execute(_BEGIN, str(key), at)

    async def end(self, key: VerifierKey, *, at: datetime) -> None:
        await self._tx.execute(_END, str(key), at)

    async def retire(self, key: VerifierKey, *, event_id: UUID) -> None:
        await self._tx.execute(_RETIRE, str(key), event_id)
