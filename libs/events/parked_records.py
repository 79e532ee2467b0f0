"""What lies in parked_record, for whoever asks what was set aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.parked import UNVERIFIED, Reason
from libs.events.record import RawRecord, Record, RecordForged, RecordMalformed, read_record, topic_of

_COUNT = """
SELECT reason, count(*) AS records, min(parked_at) AS first_at, max(parked_at) AS last_at
FROM parked_record GROUP BY reason ORDER BY reason
"""
# What anybody may have sent may be long, and is not shown: it stays where it is.
_PAGE = """
SELECT digest, reason, detail, topic, size, parked_at, partition, record_offset, key, header_names, header_values,
    CASE WHEN reason = ANY ($1::text[]) THEN NULL ELSE value END AS value
FROM parked_record
WHERE ($2 = '' OR reason = $2)
    AND ($3::timestamptz IS NULL OR (parked_at, digest, reason) > ($3, $4::bytea, $5::text))
ORDER BY parked_at, digest, reason LIMIT $6
"""
_RAW = """
SELECT topic, partition, record_offset, key, header_names, header_values, value FROM parked_record
WHERE digest = $1 AND reason = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRecords:
    """Those that were set aside for one reason."""

    reason: Reason
    records: int
    #: When the first and the last one that are still there were set aside.
    first_at: datetime
    last_at: datetime


class Place(NamedTuple):
    """Where a record stands in the list."""

    parked_at: datetime
    digest: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRecord:
    """One record that was set aside, without what it says."""

    place: Place
    detail: str
    topic: str
    #: Bytes of key, headers and value.
    size: int
    #: The event; None where the MAC is not, or no longer, the source's, so that anybody may have written it.
    event: Record | None


class ParkedReader:
    """One consumer's parked records. What they say stays where it is."""

    def __init__(self, *, database: Database, mac_keys: Mapping[str, Sequence[bytes]] | None = None) -> None:
        """`database` connects as the consumer's runtime role; `mac_keys` are those of the sources that it takes in,
        for who wants to see records one by one."""
        self._database = database
        self._mac_keys = {topic_of(source): (source, tuple(keys)) for source, keys in (mac_keys or {}).items()}

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

    async def page(self, *, reason: Reason | None, after: Place | None, limit: int) -> Sequence[ParkedRecord]:
        """The oldest that stand after this place, of one reason or of all. Raises DatabaseUnavailable."""
        start: tuple[object, ...] = after or (None, None, None)
        async with self._database.transaction(Context()) as tx:
            rows = await tx.fetch(_PAGE, [each.value for each in UNVERIFIED], reason or "", *start, limit)
        return [
            ParkedRecord(
                place=Place(row["parked_at"], row["digest"], row["reason"]),
                detail=row["detail"],
                topic=row["topic"],
                size=row["size"],
                event=self._event(row),
            )
            for row in rows
        ]

    def _event(self, row: Any) -> Record | None:
        if row["topic"] not in self._mac_keys:
            return None
        source, keys = self._mac_keys[row["topic"]]
        try:
            return read_record(_raw_of(row), source=source, keys=keys)
        except (RecordMalformed, RecordForged):
            return None


async def raw_record(tx: Transaction, digest: bytes, reason: Reason) -> RawRecord | None:
    """The record as it came, byte for byte; None when it is parked no longer."""
    row = await tx.fetchrow(_RAW, digest, reason.value)
    return None if row is None else _raw_of(row)


def _raw_of(row: Any) -> RawRecord:
    names = [name.decode() for name in row["header_names"]]
    return RawRecord(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        key=row["key"],
        headers=tuple(zip(names, row["header_values"], strict=True)),
        value=row["value"],
    )
