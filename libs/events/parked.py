"""Setting records aside: what a source answers for for ever, what anybody may have sent as far as there is room."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from libs.db.transaction import Transaction
from libs.events.record import RawRecord
from wardenry.clock import Clock
from wardenry.framing import frame

_log = logging.getLogger(__name__)

_INSERT = """
INSERT INTO parked_record
    (digest, reason, detail, topic, partition, record_offset, key, header_names, header_values, value, parked_at, size)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT DO NOTHING
"""
_TAKEN = "SELECT count(*) AS records, COALESCE(sum(size), 0) AS size FROM parked_record WHERE reason = ANY ($1::text[])"
_SET_ASIDE = "SELECT digest FROM parked_record WHERE digest = ANY ($1::bytea[])"
#: How long it is remembered that there is no room, in seconds: a flood shall not cost a question each time.
_FULL_SECONDS = 60.0
#: Lines about one reason in so many seconds.
_LINES, _LINES_SECONDS = 20, 10.0


class Reason(StrEnum):
    """Why a record was set aside; the words that the table's check knows."""

    MALFORMED = "malformed"
    FORGED = "forged"
    REJECTED = "rejected"
    FAILED = "failed"
    CONFLICT = "conflict"
    SUPERSEDED = "superseded"


#: Whoever can write to the topic can bring these about. None of them is an event that would be lost: the cursor waits
#: for the real one, and its source sends that again.
UNVERIFIED = frozenset({Reason.MALFORMED, Reason.FORGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A record to set aside. `detail` holds no personal data."""

    raw: RawRecord
    reason: Reason
    detail: str
    #: The source's MAC, if the record has it. What the MAC does not cover anybody can change, as often as they like.
    mac: bytes | None = None

    @property
    def digest(self) -> bytes:
        """What tells records apart: of those that say the same one is kept."""
        topic = self.raw.topic.encode()
        if self.mac is not None:
            return hashlib.sha256(frame(topic, self.mac)).digest()
        headers = [part for name, value in self.raw.headers for part in (name.encode(), _told_apart(value))]
        return hashlib.sha256(frame(topic, _told_apart(self.raw.key), _told_apart(self.raw.value), *headers)).digest()

    @property
    def size(self) -> int:
        """Bytes of key, headers and value."""
        headers = sum(len(name) + len(value or b"") for name, value in self.raw.headers)
        return headers + len(self.raw.key or b"") + len(self.raw.value or b"")


@dataclass(slots=True)
class _Told:
    """Lines about one reason."""

    since: float
    lines: int = 0
    withheld: int = 0


@dataclass(slots=True, kw_only=True)
class Parking:
    """Where one consumer's records are set aside.

    What has its source's MAC is kept with all its bytes, however much it is: it may be the last copy of an event. Of
    the others so many are kept as a person can look at; beyond that they are counted and dropped.
    """

    clock: Clock
    #: Of unverified records at most so many are kept, with so many bytes altogether.
    most_records: int = 10_000
    most_bytes: int = 64 * 1024 * 1024
    _told: dict[Reason, _Told] = field(default_factory=dict, init=False)
    _full_until: float = field(default=float("-inf"), init=False)

    async def park(self, tx: Transaction, parked: Sequence[Parked]) -> None:
        """Keeps the records, as far as they are kept. The same is kept once for one reason."""
        kept = [each for each in parked if each.reason not in UNVERIFIED]
        if len(kept) < len(parked):
            kept += await self._fitting(tx, [each for each in parked if each.reason in UNVERIFIED])
        if not kept:
            return
        now = self.clock.now()
        await tx.executemany(
            _INSERT,
            [
                (
                    each.digest,
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
                    each.size,
                )
                for each in kept
            ],
        )

    async def not_parked(self, tx: Transaction, parked: Sequence[Parked]) -> Sequence[Parked]:
        """Those of which nothing is parked yet, whatever for."""
        if not parked:
            return parked
        known = {row["digest"] for row in await tx.fetch(_SET_ASIDE, [each.digest for each in parked])}
        return [each for each in parked if each.digest not in known]

    async def _fitting(self, tx: Transaction, unverified: Sequence[Parked]) -> list[Parked]:
        """Those for which there is room. Several processes at once may overstep it, each by what it was given."""
        if self.clock.monotonic() < self._full_until:
            return []
        (taken,) = await tx.fetch(_TAKEN, [reason.value for reason in UNVERIFIED])
        records, size = taken["records"], taken["size"]
        fitting: list[Parked] = []
        for each in unverified:
            records, size = records + 1, size + each.size
            if records > self.most_records or size > self.most_bytes:
                self._full_until = self.clock.monotonic() + _FULL_SECONDS
                _log.error(
                    "parked_record holds as many records without a source's MAC as it may: more are dropped"
                    " until somebody has looked and deleted them",
                    extra={"alarm": "parking_full"},
                )
                break
            fitting.append(each)
        return fitting

    def alarm(self, parked: Sequence[Parked]) -> None:
        """A line at level ERROR for each, which the alert rules watch for; of many at once the first and a count."""
        now = self.clock.monotonic()
        for each in parked:
            told = self._told.get(each.reason)
            withheld = told.withheld if told else 0
            if told is None or now - told.since >= _LINES_SECONDS:
                told = self._told[each.reason] = _Told(since=now)
            elif told.lines == _LINES:
                told.withheld += 1
                continue
            else:
                withheld = 0
            told.lines += 1
            _log.error(
                "record parked: %s: %s%s",
                each.reason.value,
                each.detail,
                f" ({withheld} more withheld)" if withheld else "",
                extra={
                    "alarm": "record_parked",
                    "reason": each.reason.value,
                    "topic": each.raw.topic,
                    "partition": each.raw.partition,
                    "offset": each.raw.offset,
                },
            )


def _told_apart(part: bytes | None) -> bytes:
    """No bytes for none; so that "none" and "empty" are two."""
    return b"" if part is None else b"=" + part
