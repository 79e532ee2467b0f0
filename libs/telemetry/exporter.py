"""Sends spans and durations to a collector. Imported only where one is configured: OTLP costs 22 MB."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.metrics import Histogram, Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from libs.telemetry.observer import Observation, Observer
from libs.telemetry.trace_context import TraceContext
from wardenry.clock import Clock

#: Seconds. Explicit: the defaults are for milliseconds.
BOUNDARIES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]
#: Statuses that are the server's fault; the others are answers (OpenTelemetry's conventions for gRPC servers).
_SERVER_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_NANOSECONDS = 1_000_000_000


class ExportingObserver:
    """Measures every call, and makes spans of those whose trace is recorded."""

    def __init__(self, *, spans: SpanProcessor, meter: Meter, resource: Resource, clock: Clock) -> None:
        self._spans = spans
        self._resource = resource
        self._clock = clock
        self._server = _histogram(meter, "rpc.server.call.duration", "How long calls take that this process answers.")
        self._client = _histogram(meter, "rpc.client.call.duration", "How long calls take that this process makes.")

    def server_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> Observation:
        return _Call(self, self._server, SpanKind.SERVER, method, context, parent, self._clock)

    def client_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> Observation:
        return _Call(self, self._client, SpanKind.CLIENT, method, context, parent, self._clock)

    def export(self, span: ReadableSpan) -> None:
        self._spans.on_end(span)

    @property
    def resource(self) -> Resource:
        return self._resource


class _Call:
    def __init__(
        self,
        observer: ExportingObserver,
        histogram: Histogram,
        kind: SpanKind,
        method: str,
        context: TraceContext,
        parent: TraceContext | None,
        clock: Clock,
    ) -> None:
        self._observer = observer
        self._histogram = histogram
        self._kind = kind
        self._method = method.removeprefix("/")
        self._context = context
        self._parent = parent
        self._clock = clock
        self._began = clock.monotonic()
        self._began_at = clock.now()

    def end(self, *, code: str) -> None:
        seconds = self._clock.monotonic() - self._began
        attributes = {"rpc.system.name": "grpc", "rpc.method": self._method, "rpc.response.status_code": code}
        self._histogram.record(seconds, attributes)
        if not self._context.sampled:
            return
        failed = code in _SERVER_FAULTS if self._kind is SpanKind.SERVER else code != "OK"
        start = int(self._began_at.timestamp() * _NANOSECONDS)
        self._observer.export(
            ReadableSpan(
                name=self._method,
                context=_span_context(self._context, remote=False),
                parent=_span_context(self._parent, remote=True) if self._parent else None,
                resource=self._observer.resource,
                attributes=attributes,
                kind=self._kind,
                status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
                start_time=start,
                end_time=start + int(seconds * _NANOSECONDS),
            )
        )


@asynccontextmanager
async def open_exporter(*, service: str, endpoint: str, clock: Clock) -> AsyncIterator[Observer]:
    """An observer that exports to `endpoint` (http(s)://host:port, OTLP over gRPC) while the block runs."""
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": service, "service.namespace": "wardenry"})
    spans = BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint))
    meters = MeterProvider(
        resource=resource, metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint))]
    )
    try:
        yield ExportingObserver(spans=spans, meter=meters.get_meter("wardenry"), resource=resource, clock=clock)
    finally:
        spans.shutdown()  # type: ignore[no-untyped-call] # the only one of its methods without a type
        meters.shutdown(timeout_millis=2_000)


def _histogram(meter: Meter, name: str, description: str) -> Histogram:
    return meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=BOUNDARIES
    )


def _span_context(context: TraceContext, *, remote: bool) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id=context.trace_id, span_id=context.span_id, is_remote=remote, trace_flags=flags)
