"""Sending is a part of the trace that caused the event; a record looks the same however often it is sent."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from libs.events.position import Position
from libs.events.processing import Processing
from libs.events.record import Record
from libs.outbox.publication import Publications
from libs.telemetry.observer import SILENT
from libs.telemetry.trace_context import TraceContext, recorded
from tests.support.spans import KeepingObserver

CAUSE = TraceContext(trace_id=0xABC, span_id=0xDEF, sampled=True)
UNSAMPLED = TraceContext(trace_id=0xABC, span_id=0xDEF, sampled=False)
EVENT = UUID("018f0000-0000-7000-8000-0000000000e1")
LOG = UUID("018f0000-0000-7000-8000-000000000001")
RECORD = Record(
    source="identity",
    position=Position(1, 0),
    bucket=0,
    event_id=EVENT,
    log=LOG,
    action="user.login",
    occurred_at=datetime(2026, 1, 2, tzinfo=UTC),
    envelope=b"sealed",
    traceparent=CAUSE.traceparent(),
)


def sent(observer: KeepingObserver, records: Sequence[Record]) -> list[Record]:
    publications = Publications(source="identity", observer=observer)
    for span in publications.begin(records):
        span.end()
    return publications.positioned(records)


def test_what_consumers_do_comes_after_the_sending_in_the_trace() -> None:
    observer = KeepingObserver()
    (record,) = sent(observer, [RECORD])
    for begun in Processing(observer=observer).begin([record]):
        begun.end()
    sending, processing = observer.kept
    assert (sending.kind, sending.parent_id, sending.trace_id) == ("PRODUCER", CAUSE.span_id, CAUSE.trace_id)
    assert (processing.kind, processing.parent_id) == ("CONSUMER", sending.span_id)
    assert processing.trace_id == CAUSE.trace_id
    for span, operation in ((sending, "send"), (processing, "process")):
        assert span.name == f"{operation} wardenry.identity.v1"
        assert span.values["messaging.operation.name"] == operation
        assert span.values["messaging.message.id"] == str(EVENT)
    assert processing.values["cloudevents.event_subject"] == str(LOG)


def test_a_record_is_the_same_whoever_sends_it_and_however_often() -> None:
    (once,) = Publications(source="identity", observer=SILENT).positioned([RECORD])
    assert [once] == Publications(source="identity", observer=KeepingObserver()).positioned([RECORD])
    position = recorded(once.traceparent)
    assert position is not None
    assert replace(once, traceparent=RECORD.traceparent) == RECORD


def test_events_of_one_transaction_have_positions_of_their_own() -> None:
    other = replace(RECORD, event_id=UUID(int=EVENT.int + 1))
    one, two = Publications(source="identity", observer=SILENT).positioned([RECORD, other])
    assert one.traceparent != two.traceparent


def test_outside_of_sampled_traces_records_go_out_as_they_are() -> None:
    observer = KeepingObserver()
    plain = [replace(RECORD, traceparent=traceparent) for traceparent in (UNSAMPLED.traceparent(), None)]
    assert sent(observer, plain) == plain
    assert list(Processing(observer=observer).begin(plain)) == []
    assert observer.kept == []


def test_where_nothing_is_recorded_there_are_no_spans() -> None:
    assert list(Publications(source="identity", observer=SILENT).begin([RECORD])) == []
    assert list(Processing(observer=SILENT).begin([RECORD])) == []
