"""An observer whose spans and durations stay in this process."""

import asyncio
import time
from dataclasses import dataclass

from opentelemetry.sdk.metrics.export import HistogramDataPoint, Metric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.telemetry.recording import RecordingObserver
from wardenry.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSpan:
    """What tests ask of a span. Ids are numbers, 0 for none."""

    name: str
    kind: str
    trace_id: int
    span_id: int
    parent_id: int
    failed: bool
    linked: tuple[int, ...]
    values: dict[str, object]
    #: Nanoseconds.
    took: int


class KeepingObserver(RecordingObserver):
    """The product's own, over a processor of the SDK that keeps."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        super().__init__(
            spans=SimpleSpanProcessor(self._exporter),
            resource=Resource({"service.name": "test"}),
            clock=clock or SystemClock(),
        )

    @property
    def kept(self) -> list[KeptSpan]:
        """Spans that have ended, in that order."""
        return [_kept(span) for span in self._exporter.get_finished_spans()]

    async def ended(self, count: int) -> list[KeptSpan]:
        """The same once there are so many: a refusal reaches its caller before the answering side's span ends."""
        deadline = time.monotonic() + 60
        while len(kept := self.kept) < count:
            assert time.monotonic() < deadline, f"{len(kept)} spans ended of {count}"
            await asyncio.sleep(0.001)
        return kept

    def metrics(self) -> list[Metric]:
        (of_resource,) = self.durations.collect().resource_metrics
        return [metric for of_scope in of_resource.scope_metrics for metric in of_scope.metrics]

    def series(self, name: str) -> list[HistogramDataPoint]:
        """The series of one histogram."""
        points = [point for metric in self.metrics() if metric.name == name for point in metric.data.data_points]
        return [point for point in points if isinstance(point, HistogramDataPoint)]


def _kept(span: ReadableSpan) -> KeptSpan:
    assert span.context is not None
    return KeptSpan(
        name=span.name,
        kind=span.kind.name,
        trace_id=span.context.trace_id,
        span_id=span.context.span_id,
        parent_id=span.parent.span_id if span.parent is not None else 0,
        failed=not span.status.is_ok,
        linked=tuple(link.context.trace_id for link in span.links),
        values=dict(span.attributes or {}),
        took=(span.end_time or 0) - (span.start_time or 0),
    )
