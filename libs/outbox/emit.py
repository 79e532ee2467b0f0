"""Writing events beside what they report."""

from collections.abc import Sequence

from libs.db.transaction import Transaction
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Event
from libs.outbox.bucket import bucket_of
from libs.outbox.row import OutboxRow
from libs.telemetry.trace_context import current_traceparent

_INSERT = """
INSERT INTO outbox (event_id, log, bucket, action, occurred_at, traceparent, envelope)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::timestamptz[], $6::text[], $7::bytea[])
"""


async def emit(tx: Transaction, *events: Event, envelopes: EnvelopeBuilder) -> None:
    """Freezes the events, caused in the running task's trace, and writes them into the caller's transaction: they are
    sent if and only if it commits. Raises EventInvalid, KeyInvalid."""
    traceparent = current_traceparent()
    rows = [
        OutboxRow(
            event_id=event.event_id,
            log=event.log,
            action=event.action,
            occurred_at=event.occurred_at,
            envelope=envelopes.build(event),
            traceparent=traceparent,
        )
        for event in events
    ]
    await insert(tx, rows)


async def insert(tx: Transaction, rows: Sequence[OutboxRow]) -> None:
    """The same for events that are frozen already."""
    if not rows:
        return
    await tx.execute(
        _INSERT,
        [row.event_id for row in rows],
        [row.log for row in rows],
        [bucket_of(row.log) for row in rows],
        [row.action for row in rows],
        [row.occurred_at for row in rows],
        [row.traceparent for row in rows],
        [row.envelope for row in rows],
    )
