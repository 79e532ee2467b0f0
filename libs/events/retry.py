"""Taking in again what was parked as failed, once the defect is mended."""

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from libs.db.context import Context
from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.cursors import Stream, lock_cursors
from libs.events.errors import RecordRejected, TryLater
from libs.events.intake import Handler, logs_of
from libs.events.parked import Reason
from libs.events.parked_records import raw_record
from libs.events.processing import Processing
from libs.events.record import RawRecord, Record, RecordForged, RecordMalformed, read_record, topic_of
from libs.telemetry.observer import SILENT, Observer

_log = logging.getLogger(__name__)

# The numbers stand in headers. Text that is no number, which no record of ours has, comes last and is refused later.
_FAILED = """
SELECT digest, topic,
    header_values[array_position(header_names, 'wn-bucket'::bytea)] AS bucket,
    header_values[array_position(header_names, 'wn-generation'::bytea)] AS generation,
    header_values[array_position(header_names, 'wn-number'::bytea)] AS number
FROM parked_record WHERE reason = 'failed'
"""
_REMOVE = "DELETE FROM parked_record WHERE digest = $1 AND reason = 'failed'"


class Outcome(Enum):
    """What became of a record."""

    TAKEN = "taken"
    #: Somebody else was first.
    GONE = "gone"
    #: The consumer does not take it, or not this late.
    REFUSED = "refused"
    #: The consumer failed on it again.
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """One record's second chance. What is neither taken nor gone stays parked."""

    digest: bytes
    outcome: Outcome
    #: Why it stays; nobody's personal data.
    detail: str = ""
    #: None where the record cannot be read any more.
    event: Record | None = None


class RetryLog(Protocol):
    """Where it is told that an operator did this. Both write into the caller's transaction."""

    async def requested(self, tx: Transaction, *, by: str, sources: Mapping[str, int]) -> None:
        """That the peer `by` asked for so many records of each source to be taken in."""

    async def taken(self, tx: Transaction, *, by: str, record: Record) -> None:
        """That this one was."""


class ParkedRetry:
    """Gives one consumer's handler what was parked as failed: each record in a transaction of its own, in which it
    leaves the table, under the lock of its cursor. So a record is taken in once, whoever else tries it and whatever
    comes in meanwhile; and the handler is given what is late, which later events may have overtaken. What was asked for
    is told before anything is tried, and what was taken in with its effects, so neither is ever there untold."""

    def __init__(
        self,
        *,
        database: Database,
        handler: Handler,
        mac_keys: Mapping[str, Sequence[bytes]],
        log: RetryLog,
        context: Callable[[Sequence[Record]], Context] = logs_of,
        observer: Observer = SILENT,
    ) -> None:
        """All but the log as the consumer's Intake and Consumer have them."""
        self._database = database
        self._handler = handler
        self._mac_keys = {topic_of(source): (source, tuple(keys)) for source, keys in mac_keys.items()}
        self._log = log
        self._context = context
        self._processing = Processing(observer=observer)

    async def retry(self, *, by: str) -> AsyncGenerator[Retried, None]:
        """Each that is parked now, in the order of its source, bucket and number; one that stays parked keeps none
        from its turn. `by` is the peer that asks. Raises DatabaseUnavailable, DatabaseRefused; what was answered before
        then stands."""
        async with self._database.transaction(Context()) as tx:
            rows = await tx.fetch(_FAILED)
            if rows:
                await self._log.requested(tx, by=by, sources=Counter(self._source(row["topic"]) for row in rows))
        digests = sorted((_order(row), row["digest"]) for row in rows)
        taken = stay = 0
        try:
            for _, digest in digests:
                retried = await self._one(digest, by)
                taken += retried.outcome is Outcome.TAKEN
                stay += retried.outcome in (Outcome.REFUSED, Outcome.FAILED)
                yield retried
        finally:
            if digests:
                _log.warning("of %d records that had failed %d were taken in, %d stay parked", len(rows), taken, stay)

    def _source(self, topic: str) -> str:
        # Anybody's topic may stand in a row; the log names sources alone.
        return self._mac_keys[topic][0] if topic in self._mac_keys else "unknown"

    async def _one(self, digest: bytes, by: str) -> Retried:
        async with self._database.transaction(Context()) as tx:
            raw = await raw_record(tx, digest, Reason.FAILED)
        if raw is None:
            return Retried(digest=digest, outcome=Outcome.GONE)
        try:
            record = self._read(raw)
        except RecordRejected as error:
            return Retried(digest=digest, outcome=Outcome.REFUSED, detail=str(error))
        outcome, detail = await self._tried(digest, record, by)
        return Retried(digest=digest, outcome=outcome, detail=detail, event=record)

    def _read(self, raw: RawRecord) -> Record:
        """Raises RecordRejected. Its MAC counts now, too: the table is no place to vouch for an event."""
        if raw.topic not in self._mac_keys:
            raise RecordRejected("this consumer takes in nothing of its topic")
        source, keys = self._mac_keys[raw.topic]
        try:
            return read_record(raw, source=source, keys=keys)
        except (RecordMalformed, RecordForged) as error:
            raise RecordRejected(str(error)) from None

    async def _tried(self, digest: bytes, record: Record, by: str) -> tuple[Outcome, str]:
        try:
            return await self._transact(digest, record, by), ""
        except (DatabaseUnavailable, DatabaseRefused):
            raise
        except RecordRejected as error:
            return Outcome.REFUSED, str(error)
        except TryLater as error:
            return Outcome.FAILED, f"not now: {error}".removesuffix(": ")
        except Exception as error:
            # Its text may repeat what the record holds; this process's own log has the trace.
            _log.error("an event that was parked failed again", exc_info=error)
            return Outcome.FAILED, type(error).__name__

    async def _transact(self, digest: bytes, record: Record, by: str) -> Outcome:
        stream = Stream(record.source, record.bucket)
        async with self._database.transaction(self._context([record])) as tx:
            # Nothing of its bucket is taken in meanwhile, and nobody else tries it.
            cursor = (await lock_cursors(tx, [stream]))[stream]
            if record.position >= cursor:
                raise RecordRejected("its turn has not come: the consumer still waits for it")
            if await tx.execute(_REMOVE, digest) != "DELETE 1":
                return Outcome.GONE
            spans = self._processing.begin([record])
            await self._handler(tx, [record])
            await self._log.taken(tx, by=by, record=record)
        for span in spans:
            span.end()
        return Outcome.TAKEN


def _order(row: Any) -> tuple[str, int, int, int]:
    return str(row["topic"]), _number(row["bucket"]), _number(row["generation"]), _number(row["number"])


def _number(value: object) -> int:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) < 20 else 1 << 64
