"""The two round trips of a batch of refreshes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from libs.db.pool import Database
from services.session.domain.grant import Grant, Use
from services.session.domain.ports import Rotation
from services.session.store.grant import FIND, grant_of

_ROTATE = """
SELECT entry, subject_epoch
FROM rotate_grants($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""


class PostgresRefreshStore:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def find(self, keys: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], Grant]:
        rows = await self._database.fetch(FIND, [subject for subject, _ in keys], [grant for _, grant in keys])
        return {(row["subject_id"], row["grant_id"]): grant_of(row) for row in rows}

    async def rotate(self, rotations: Sequence[Rotation], *, key_version: int, pace: timedelta) -> Mapping[int, int]:
        standings = [rotation.standing for rotation in rotations]
        rows = await self._database.fetch(
            _ROTATE,
            [each.grant.subject for each in rotations],
            [each.grant.grant for each in rotations],
            [each.use is Use.REPEAT for each in rotations],
            [each.grant.counter for each in rotations],
            [each.grant.grace_uses for each in rotations],
            key_version,
            pace,
            [standing.role if standing else "" for standing in standings],
            [standing.epoch if standing else 0 for standing in standings],
            [standing.checked_at if standing else None for standing in standings],
            [each.event.event_id for each in rotations],
            [each.event.log for each in rotations],
            [each.event.action for each in rotations],
            [each.event.occurred_at for each in rotations],
            [each.traceparent for each in rotations],
            [each.envelope for each in rotations],
        )
        return {row["entry"] - 1: row["subject_epoch"] for row in rows}
