"""How long things take, as histograms in seconds.

The SDK's own instruments cost some ten microseconds a value, which is a hundredth of what a refresh costs and is paid
for each call, sampled or not; a value here costs about one. What is exported is the same.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from libs.telemetry.observer import Attributes
from wardenry.clock import Clock

#: Upper bounds of the buckets, in seconds; the last one has none.
BOUNDARIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_NANOSECONDS = 1_000_000_000


class DurationHistogram:
    """One histogram: a series for each key, which adds up from the process's beginning."""

    def __init__(self, *, name: str, description: str, describe: Callable[..., Attributes]) -> None:
        """`describe` gives the attributes of a key's series; it is asked once for each."""
        self.name = name
        self.description = description
        self._describe = describe
        self._series: dict[tuple[Hashable, ...], _Series] = {}

    def record(self, seconds: float, *key: Hashable) -> Attributes:
        """Counts a value, and returns the attributes of its series. Keys must be few: each is kept for ever."""
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(self._describe(*key))
        series.add(seconds)
        return series.attributes

    def points(self, *, since: int, now: int) -> Sequence[HistogramDataPoint]:
        """Every series, between two times in nanoseconds since 1970. From any thread."""
        return [series.point(since=since, now=now) for series in tuple(self._series.values())]


class Durations:
    """The histograms of a process."""

    def __init__(
        self, *histograms: DurationHistogram, resource: Resource, scope: InstrumentationScope, clock: Clock
    ) -> None:
        self._histograms = histograms
        self._resource = resource
        self._scope = scope
        self._clock = clock
        self._since = _nanoseconds(clock.now())

    def collect(self) -> MetricsData:
        """What has been measured so far. From any thread."""
        now = _nanoseconds(self._clock.now())
        metrics = [
            Metric(
                name=histogram.name,
                description=histogram.description,
                unit="s",
                data=Histogram(points, AggregationTemporality.CUMULATIVE),
            )
            for histogram in self._histograms
            if (points := histogram.points(since=self._since, now=now))
        ]
        of_scope = ScopeMetrics(scope=self._scope, metrics=metrics, schema_url=self._scope.schema_url or "")
        return MetricsData([ResourceMetrics(resource=self._resource, scope_metrics=[of_scope], schema_url="")])


class _Series:
    __slots__ = ("_counts", "_greatest", "_least", "_sum", "attributes")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self._counts = [0] * (len(BOUNDARIES) + 1)
        self._sum = 0.0
        self._least = math.inf
        self._greatest = -math.inf

    def add(self, seconds: float) -> None:
        # A bound belongs to the bucket below it.
        self._counts[bisect_left(BOUNDARIES, seconds)] += 1
        self._sum += seconds
        if seconds < self._least:
            self._least = seconds
        if seconds > self._greatest:
            self._greatest = seconds

    def point(self, *, since: int, now: int) -> HistogramDataPoint:
        counts = tuple(self._counts)
        return HistogramDataPoint(
            attributes=self.attributes,
            start_time_unix_nano=since,
            time_unix_nano=now,
            count=sum(counts),
            sum=self._sum,
            bucket_counts=counts,
            explicit_bounds=BOUNDARIES,
            min=self._least,
            max=self._greatest,
        )


def _nanoseconds(time: datetime) -> int:
    return int(time.timestamp() * _NANOSECONDS)
