"""Setting records aside."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.db.transaction import Transaction
from libs.events.record import RawRecord
from wardenry.framing import frame

_log = logging.getLogger(__name__)

_INSERT = """
INSERT INTO parked_record
    (digest, reason, detail, topic, partition, record_offset, key, header_names, header_values, value, parked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
"""


class Reason(StrEnum):
    """Why a record was set aside; the words that the table's check knows."""

    MALFORMED = "malformed"
    FORGED = "forged"
    REJECTED = "rejected"
    FAILED = "failed"
    CONFLICT = "conflict"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A record to set aside. `detail` holds no personal data."""

    raw: RawRecord
    reason: Reason
    detail: str


async def park(tx: Transaction, parked: Sequence[Parked], *, now: datetime) -> None:
    """Keeps the records with all their bytes. The same bytes are kept once for one reason."""
    if not parked:
        return
    await tx.executemany(
        _INSERT,
        [
            (
                _digest(each.raw),
                each.reason.value,
                each.detail,
                each.raw.topic,
                each.raw.partition,
                each.raw.offset,
                each.raw.key,
                [name.encode() for name, _ in each.raw.headers],
                [value for _, value in each.raw.headers],
                each.raw.value,
                now,
            )
            for each in parked
        ],
    )


def alarm(parked: Sequence[Parked]) -> None:
    """One line at level ERROR for each: the alert rules watch for them."""
    for each in parked:
        _log.error(
            "record parked: %s: %s",
            each.reason.value,
            each.detail,
            extra={
                "alarm": "record_parked",
                "reason": each.reason.value,
                "topic": each.raw.topic,
                "partition": each.raw.partition,
                "offset": each.raw.offset,
            },
        )


def _digest(raw: RawRecord) -> bytes:
    headers = [part for name, value in raw.headers for part in (name.encode(), _told_apart(value))]
    framed = frame(raw.topic.encode(), _told_apart(raw.key), _told_apart(raw.value), *headers)
    return hashlib.sha256(framed).digest()


def _told_apart(part: bytes | None) -> bytes:
    """No bytes for none; so that "none" and "empty" are two."""
    return b"" if part is None else b"=" + part
