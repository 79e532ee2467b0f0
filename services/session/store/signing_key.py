"""Signing keys in PostgreSQL: read by requests, changed by the rotation job under the jobs' role."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from services.session.domain.signing_key import KeyState, SigningKey

_ALL = """
SELECT
    now() AS read_at, k.key_id, k.state, k.public_key, k.private_key_wrapped, k.created_at, k.current_from, k.retired_at
FROM (SELECT) AS once LEFT JOIN signing_key AS k ON true
ORDER BY k.key_id
"""
# One replica at a time; "signing" in ASCII.
_LOCK = f"SELECT pg_advisory_xact_lock({int.from_bytes(b'signing', 'big')})"
_RETIRE = "UPDATE signing_key SET state = 'retired', retired_at = now() WHERE state = 'current'"
_PROMOTE = "UPDATE signing_key SET state = 'current', current_from = now() WHERE state = 'next'"
_INSERT = """
INSERT INTO signing_key (key_id, state, public_key, private_key_wrapped, current_from)
VALUES ($1, $2, $3, $4, CASE WHEN $2 = 'current' THEN now() END)
"""
_FORGET = "DELETE FROM signing_key WHERE key_id = ANY ($1)"


class PostgresSigningKeys:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[Sequence[SigningKey], datetime]:
        async with self._database.transaction(Context()) as tx:
            return await _all(tx)


class PostgresSigningKeyChange:
    def __init__(self, *, tx: Transaction) -> None:
        self._tx = tx

    async def all(self) -> tuple[Sequence[SigningKey], datetime]:
        return await _all(self._tx)

    async def advance(self) -> None:
        await self._tx.execute(_RETIRE)
        await self._tx.execute(_PROMOTE)

    async def add(self, key: SigningKey) -> None:
        await self._tx.execute(_INSERT, key.key_id, key.state.value, key.public, key.private_wrapped)

    async def forget(self, key_ids: Sequence[str]) -> None:
        await self._tx.execute(_FORGET, list(key_ids))


class PostgresSigningKeyRotation:
    def __init__(self, *, database: Database) -> None:
        """`database` connects as the jobs' role."""
        self._database = database

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresSigningKeyChange]:
        async with self._database.transaction(Context()) as tx:
            await tx.execute(_LOCK)
            yield PostgresSigningKeyChange(tx=tx)


async def _all(tx: Transaction) -> tuple[Sequence[SigningKey], datetime]:
    rows = await tx.fetch(_ALL)
    keys = [
        SigningKey(
            key_id=row["key_id"],
            state=KeyState(row["state"]),
            public=row["public_key"],
            private_wrapped=row["private_key_wrapped"],
            created_at=row["created_at"],
            current_from=row["current_from"],
            retired_at=row["retired_at"],
        )
        for row in rows
        if row["key_id"] is not None
    ]
    return keys, rows[0]["read_at"]
