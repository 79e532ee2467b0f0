"""A collector for tests: an OTLP receiver over gRPC that keeps what it gets, and can be slow or refuse."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

#: The three services of a collector, each with one RPC, Export, and its answer.
_SERVICES: dict[str, Message] = {
    "opentelemetry.proto.collector.trace.v1.TraceService": trace_service_pb2.ExportTraceServiceResponse(),
    "opentelemetry.proto.collector.metrics.v1.MetricsService": metrics_service_pb2.ExportMetricsServiceResponse(),
    "opentelemetry.proto.collector.logs.v1.LogsService": logs_service_pb2.ExportLogsServiceResponse(),
}

Values = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSpan:
    """A span as it arrived. Ids are lower-case hexadecimal, "" for none."""

    service: str
    name: str
    #: "SERVER", "CLIENT", …
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    #: Of what the span is linked to.
    links: tuple[str, ...]
    values: Values
    #: Those of the process.
    resource: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDurations:
    """One series of a histogram as it arrived last."""

    service: str
    name: str
    unit: str
    values: Values
    point: HistogramDataPoint


class OtlpReceiver:
    """Listens on loopback from `start` until `stop`. Its threads are its own, so a test may block meanwhile."""

    def __init__(self) -> None:
        self.port = 0
        #: Every request that was taken, byte for byte.
        self.payloads: list[bytes] = []
        #: How many came, whatever became of them.
        self.asked = 0
        #: With which status it refuses; None takes everything.
        self.refusal: grpc.StatusCode | None = None
        self._open = threading.Event()
        self._open.set()
        self._traces: list[ExportTraceServiceRequest] = []
        self._metrics: list[ExportMetricsServiceRequest] = []
        self._server: grpc.Server | None = None

    @property
    def endpoint(self) -> str:
        """For WARDENRY_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listens; after a stop, on the same port."""
        self._server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers([self._handler(name) for name in _SERVICES])
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self) -> None:
        """Nobody listens any more."""
        self.release()
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def hold(self) -> None:
        """Answers nothing until `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def spans(self) -> list[ReceivedSpan]:
        """Every span so far."""
        return [
            _span(span, resource=_values(of_resource.resource.attributes))
            for request in list(self._traces)
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    def trace(self, trace_id: str) -> list[ReceivedSpan]:
        """The spans of one trace."""
        return [span for span in self.spans() if span.trace_id == trace_id]

    def durations(self) -> list[ReceivedDurations]:
        """Every series of every process, as it was told last."""
        last: dict[str, ReceivedDurations] = {}
        for request in list(self._metrics):
            for each in _durations(request):
                last[f"{each.service} {each.name} {sorted(each.values.items())}"] = each
        return list(last.values())

    def metric_names(self) -> set[str]:
        """The names of all metrics, whatever their kind."""
        return {
            metric.name
            for request in list(self._metrics)
            for of_resource in request.resource_metrics
            for of_scope in of_resource.scope_metrics
            for metric in of_scope.metrics
        }

    def wait_for(self, holds: Callable[[], object], *, seconds: float = 60.0) -> None:
        """Until it holds of what has come. Raises AssertionError when it does not in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"did not come in time; {len(self.payloads)} requests came"
            time.sleep(0.05)

    def _handler(self, service: str) -> grpc.GenericRpcHandler:
        def export(request: bytes, context: grpc.ServicerContext) -> bytes:
            self._take(service, request, context)
            return _SERVICES[service].SerializeToString()

        return grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(export)})

    def _take(self, service: str, request: bytes, context: grpc.ServicerContext) -> None:
        self.asked += 1
        self._open.wait()
        if self.refusal is not None:
            context.abort(self.refusal, "refused")
        self.payloads.append(request)
        if service.endswith("TraceService"):
            self._traces.append(ExportTraceServiceRequest.FromString(request))
        elif service.endswith("MetricsService"):
            self._metrics.append(ExportMetricsServiceRequest.FromString(request))


def _span(span: Span, *, resource: Values) -> ReceivedSpan:
    return ReceivedSpan(
        service=str(resource.get("service.name", "")),
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        links=tuple(link.trace_id.hex() for link in span.links),
        values=_values(span.attributes),
        resource=resource,
    )


def _durations(request: ExportMetricsServiceRequest) -> Iterator[ReceivedDurations]:
    for of_resource in request.resource_metrics:
        service = str(_values(of_resource.resource.attributes).get("service.name", ""))
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                for point in metric.histogram.data_points:
                    values = _values(point.attributes)
                    yield ReceivedDurations(
                        service=service, name=metric.name, unit=metric.unit, values=values, point=point
                    )


def _values(attributes: Any) -> Values:
    found: Values = {}
    attribute: KeyValue
    for attribute in attributes:
        is_number = attribute.value.HasField("int_value")
        found[attribute.key] = attribute.value.int_value if is_number else attribute.value.string_value
    return found
