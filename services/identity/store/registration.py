"""Registrations."""

from datetime import datetime
from uuid import UUID

import asyncpg

from libs.crypto.key_owner import KeyReference
from libs.db.transaction import Transaction
from services.identity.domain.registration import MOST_TRIES, Registration

_COLUMNS = """registration_id, subject_id, code_tag, browser_binding, content, data_key_id, data_key_version,
    created_at, expires_at"""


class PostgresRegistrations:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, registration: Registration) -> bool:
        status = await self._tx.execute(
            f"INSERT INTO registration ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",  # noqa: S608 - a constant
            registration.registration_id,
            registration.subject_id,
            registration.code_tag,
            registration.browser_binding,
            registration.content,
            registration.data_key.key_id,
            registration.data_key.version,
            registration.created_at,
            registration.expires_at,
        )
        return status == "INSERT 0 1"

    async def get(self, registration_id: UUID) -> Registration | None:
        row = await self._tx.fetchrow(
            f"SELECT {_COLUMNS} FROM registration WHERE registration_id = $1",  # noqa: S608 - a constant
            registration_id,
        )
        return _registration(row) if row else None

    async def take_try(self, registration_id: UUID, *, now: datetime) -> Registration | None:
        row = await self._tx.fetchrow(
            f"""
            UPDATE registration SET tries = tries + 1
            WHERE registration_id = $1 AND tries < $2 AND verified_at IS NULL AND expires_at > $3
            RETURNING {_COLUMNS}
            """,  # noqa: S608 - a constant
            registration_id,
            MOST_TRIES,
            now,
        )
        return _registration(row) if row else None

    async def complete(self, registration_id: UUID, *, now: datetime) -> bool:
        status = await self._tx.execute(
            "UPDATE registration SET verified_at = $2 WHERE registration_id = $1 AND verified_at IS NULL",
            registration_id,
            now,
        )
        return status == "UPDATE 1"


def _registration(row: asyncpg.Record) -> Registration:
    return Registration(
        registration_id=row["registration_id"],
        subject_id=row["subject_id"],
        code_tag=row["code_tag"],
        browser_binding=row["browser_binding"],
        content=row["content"],
        data_key=KeyReference(key_id=row["data_key_id"], version=row["data_key_version"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
