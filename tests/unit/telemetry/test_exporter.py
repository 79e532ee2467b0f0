"""Spans and durations, as a collector would get them."""

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from libs.telemetry.exporter import BOUNDARIES, ExportingObserver
from libs.telemetry.trace_context import TraceContext
from tests.support.issuer import ClockForTests

PARENT = TraceContext(trace_id=7, span_id=1, sampled=True)


def test_a_recorded_call_becomes_a_span_and_every_call_is_measured() -> None:
    spans, reader, clock = InMemorySpanExporter(), InMemoryMetricReader(), ClockForTests()
    resource = Resource({"service.name": "session"})
    observer = ExportingObserver(
        spans=SimpleSpanProcessor(spans),
        meter=MeterProvider(metric_readers=[reader], resource=resource).get_meter("test"),
        resource=resource,
        clock=clock,
    )
    recorded = observer.server_call("/a.B/C", PARENT.child(), PARENT)
    clock.pass_time(0.02)
    recorded.end(code="INTERNAL")
    observer.server_call("/a.B/C", TraceContext(trace_id=8, span_id=2, sampled=False), None).end(code="OK")
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind, span.status.status_code) == ("a.B/C", SpanKind.SERVER, StatusCode.ERROR)
    assert span.parent is not None
    assert (span.parent.span_id, span.parent.trace_id) == (PARENT.span_id, PARENT.trace_id)
    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - span.start_time == pytest.approx(20_000_000, abs=1)
    data = reader.get_metrics_data()
    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.unit) == ("rpc.server.call.duration", "s")
    points = list(metric.data.data_points)
    assert all(isinstance(point, HistogramDataPoint) and point.explicit_bounds == tuple(BOUNDARIES) for point in points)
    assert len(points) == 2
