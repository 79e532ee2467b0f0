"""Subjects with their addresses and passwords."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.crypto.key_owner import KeyReference
from libs.crypto.reader_key import ReaderPublicKey
from libs.db.transaction import Transaction
from services.identity.domain.subject import Credential, Subject


class PostgresSubjects:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, subject: Subject, *, address_tag: bytes, password_hash: str) -> bool:
        await self._tx.execute(
            """
            INSERT INTO subject (
                subject_id, epoch, created_at, display_name, data_key_id, data_key_version, audit_public_key
            ) VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            subject.subject_id,
            subject.epoch,
            subject.created_at,
            subject.display_name,
            subject.data_key.key_id,
            subject.data_key.version,
            subject.audit_key.public,
        )
        await self._tx.execute(
            "INSERT INTO address (subject_id, address_id, value, verified_at) VALUES ($1, $2, $3, $4)",
            subject.subject_id,
            subject.address_id,
            subject.address,
            subject.verified_at,
        )
        await self._tx.execute(
            "INSERT INTO password (subject_id, hash, changed_at) VALUES ($1, $2, $3)",
            subject.subject_id,
            password_hash,
            subject.created_at,
        )
        status = await self._tx.execute(
            "INSERT INTO address_claim (address_tag, subject_id, address_id) VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING",
            address_tag,
            subject.subject_id,
            subject.address_id,
        )
        return status == "INSERT 0 1"

    async def get(self, subject_ids: Collection[UUID]) -> list[Subject]:
        rows = await self._tx.fetch(
            """
            SELECT
                s.subject_id, s.epoch, s.created_at, s.display_name, a.address_id, a.value, a.verified_at,
                s.data_key_id, s.data_key_version, s.audit_public_key
            FROM subject AS s
            JOIN address AS a ON a.subject_id = s.subject_id
            WHERE s.subject_id = ANY ($1)
            """,
            list(subject_ids),
        )
        return [
            Subject(
                subject_id=row["subject_id"],
                epoch=row["epoch"],
                created_at=row["created_at"],
                display_name=row["display_name"],
                address_id=row["address_id"],
                address=row["value"],
                verified_at=row["verified_at"],
                data_key=KeyReference(key_id=row["data_key_id"], version=row["data_key_version"]),
                audit_key=audit_key(row),
            )
            for row in rows
        ]

    async def credential(self, subject_id: UUID) -> Credential | None:
        row = await self._tx.fetchrow(
            """
            SELECT p.hash, s.epoch, s.data_key_id, s.data_key_version, s.audit_public_key
            FROM subject AS s
            JOIN password AS p ON p.subject_id = s.subject_id
            WHERE s.subject_id = $1
            """,
            subject_id,
        )
        return Credential(hash=row["hash"], subject_epoch=row["epoch"], audit_key=audit_key(row)) if row else None

    async def replace_password(self, subject_id: UUID, *, old: str, new: str, now: datetime) -> int | None:
        epoch: int | None = await self._tx.fetchval(
            """
            WITH replaced AS (
                UPDATE password SET hash = $3, changed_at = $4 WHERE subject_id = $1 AND hash = $2 RETURNING subject_id
            )
            UPDATE subject AS s SET epoch = s.epoch + 1 FROM replaced AS r WHERE s.subject_id = r.subject_id
            RETURNING s.epoch
            """,
            subject_id,
            old,
            new,
            now,
        )
        return epoch

    async def renew_hash(self, subject_id: UUID, *, old: str, new: str) -> None:
        await self._tx.execute(
            "UPDATE password SET hash = $3 WHERE subject_id = $1 AND hash = $2", subject_id, old, new
        )


def audit_key(row: asyncpg.Record) -> ReaderPublicKey:
    """Audit's key among the columns of a subject."""
    return ReaderPublicKey(key_id=row["data_key_id"], version=row["data_key_version"], public=row["audit_public_key"])
