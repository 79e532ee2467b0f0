"""Histograms say the same as the SDK's own would of the same values."""

import math

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from libs.telemetry.durations import BOUNDARIES, DurationHistogram, Durations
from libs.telemetry.observer import Attributes
from tests.support.clock import HeldClock

VALUES = [0.0, 0.0005, 0.001, 0.0010001, 0.3, 0.3, 30.0, 30.1, 1e6, *BOUNDARIES]


def described(method: str, code: str) -> Attributes:
    return {"rpc.method": method, "rpc.response.status_code": code}


def histogram() -> DurationHistogram:
    return DurationHistogram(name="rpc.server.call.duration", description="how long", describe=described)


def sdk_point(values: list[float]) -> HistogramDataPoint:
    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader], shutdown_on_exit=False).get_meter("test")
    instrument = meter.create_histogram("x", unit="s", explicit_bucket_boundaries_advisory=list(BOUNDARIES))
    for value in values:
        instrument.record(value, described("A", "OK"))
    data = reader.get_metrics_data()
    assert data is not None
    (point,) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert isinstance(point, HistogramDataPoint)
    return point


def test_the_same_as_the_sdk() -> None:
    ours = histogram()
    for value in VALUES:
        assert ours.record(value, "A", "OK") == described("A", "OK")
    (point,) = ours.points(since=1, now=2)
    theirs = sdk_point(VALUES)
    assert (point.count, tuple(point.bucket_counts), tuple(point.explicit_bounds)) == (
        theirs.count,
        tuple(theirs.bucket_counts),
        tuple(theirs.explicit_bounds),
    )
    assert (point.min, point.max, point.attributes) == (theirs.min, theirs.max, theirs.attributes)
    assert point.sum == pytest.approx(theirs.sum)
    assert math.fsum(VALUES) == pytest.approx(point.sum)


def test_every_key_is_a_series_that_adds_up_from_the_beginning() -> None:
    clock, ours = HeldClock(), histogram()
    resource = Resource({"service.name": "session"})
    scope = InstrumentationScope("wardenry", schema_url="https://opentelemetry.io/schemas/1.44.0")
    durations = Durations(ours, resource=resource, scope=scope, clock=clock)
    assert durations.collect().resource_metrics[0].scope_metrics[0].metrics == []
    for _ in range(2):
        ours.record(0.1, "A", "OK")
        ours.record(0.1, "B", "OK")
        clock.advance(15)
        first = encode_metrics(durations.collect()).resource_metrics[0]
    (metric,) = first.scope_metrics[0].metrics
    assert (metric.name, metric.unit, first.scope_metrics[0].scope.name) == (
        "rpc.server.call.duration",
        "s",
        "wardenry",
    )
    assert [point.count for point in metric.histogram.data_points] == [2, 2]
    assert {point.time_unix_nano - point.start_time_unix_nano for point in metric.histogram.data_points} == {
        30_000_000_000
    }
