"""What lies in parked_record, for whoever asks how much was set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.db.context import Context
from libs.db.pool import Database
from libs.events.parked import Reason

_COUNT = """
SELECT reason, count(*) AS records, min(parked_at) AS first_at, max(parked_at) AS last_at
FROM parked_record GROUP BY reason ORDER BY reason
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRecords:
    """Those that were set aside for one reason."""

    reason: Reason
    records: int
    #: When the first and the last one that are still there were set aside.
    first_at: datetime
    last_at: datetime


class ParkedReader:
    """One consumer's parked records. What they say stays where it is."""

    def __init__(self, *, database: Database) -> None:
        """`database` connects as the consumer's runtime role."""
        self._database = database

    async def count(self) -> Sequence[ParkedRecords]:
        """By reason; reasons without any are absent. Raises DatabaseUnavailable."""
        async with self._database.transaction(Context()) as tx:
            rows = await tx.fetch(_COUNT)
        return [
            ParkedRecords(
                reason=Reason(row["reason"]),
                records=row["records"],
                first_at=row["first_at"],
                last_at=row["last_at"],
            )
            for row in rows
        ]
