"""Durations and spans by OpenTelemetry's semantic conventions, version 1.44."""

from contextlib import AbstractContextManager, nullcontext
from contextvars import Token
from types import TracebackType

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from libs.telemetry.durations import DurationHistogram, Durations
from libs.telemetry.observer import Attributes, CallObservation, Failure, Kind, RequestObservation, Span
from libs.telemetry.trace_context import TraceContext, current, enter, leave
from wardenry.clock import Clock

#: Statuses that are the server's fault; the others are answers (OpenTelemetry's conventions for gRPC servers).
_SERVER_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
#: Methods of HTTP that are told apart; a visitor can invent others.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "_OTHER"
_KINDS = {
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}
_NANOSECONDS = 1_000_000_000
_SCOPE = InstrumentationScope("wardenry", schema_url="https://opentelemetry.io/schemas/1.44.0")
_NO_SPAN = nullcontext()


class RecordingObserver:
    """Measures every call and request, and gives the spans of sampled traces to a processor."""

    recording = True

    def __init__(self, *, spans: SpanProcessor, resource: Resource, clock: Clock) -> None:
        self._spans = spans
        self._resource = resource
        self._clock = clock
        self._server = DurationHistogram(
            name="rpc.server.call.duration",
            description="How long calls take that this process answers.",
            describe=_answered,
        )
        self._client = DurationHistogram(
            name="rpc.client.call.duration",
            description="How long calls take that this process makes.",
            describe=_made,
        )
        self._requests = DurationHistogram(
            name="http.server.request.duration",
            description="How long requests over HTTP take.",
            describe=_requested,
        )
        self.durations = Durations(
            self._server, self._client, self._requests, resource=resource, scope=_SCOPE, clock=clock
        )

    def server_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> CallObservation:
        begun = self._begun(Kind.SERVER, context, parent)
        return _Call(begun, self._server, method.removeprefix("/"))

    def client_call(
        self, method: str, peer: str, context: TraceContext, parent: TraceContext | None
    ) -> CallObservation:
        begun = self._begun(Kind.CLIENT, context, parent)
        return _Call(begun, self._client, method.removeprefix("/"), peer)

    def request(
        self, method: str, scheme: str, context: TraceContext, visitor: TraceContext | None
    ) -> RequestObservation:
        begun = self._begun(Kind.SERVER, context, None, linked=visitor)
        return _Request(begun, self._requests, method if method in _METHODS else _OTHER, scheme)

    def span(
        self, name: str, kind: Kind, attributes: Attributes, failure: Failure
    ) -> AbstractContextManager[object, None]:
        parent = current()
        if parent is None or not parent.sampled:
            return _NO_SPAN
        return _Block(self._begun(kind, parent.child(), parent), name, attributes, failure)

    def message(
        self, name: str, kind: Kind, context: TraceContext, parent: TraceContext, attributes: Attributes
    ) -> Span:
        return _Message(self._begun(kind, context, parent), name, attributes)

    def _begun(
        self, kind: Kind, context: TraceContext, parent: TraceContext | None, linked: TraceContext | None = None
    ) -> "_Begun":
        return _Begun(self._spans, self._resource, self._clock, kind, context, parent, linked)


class _Begun:
    """A piece of work from its beginning: its clock, and its place in the trace."""

    __slots__ = ("_at", "_clock", "_kind", "_linked", "_parent", "_resource", "_since", "_spans", "context")

    def __init__(
        self,
        spans: SpanProcessor,
        resource: Resource,
        clock: Clock,
        kind: Kind,
        context: TraceContext,
        parent: TraceContext | None,
        linked: TraceContext | None,
    ) -> None:
        self.context = context
        self._spans = spans
        self._resource = resource
        self._clock = clock
        self._kind = kind
        self._parent = parent
        self._linked = linked
        self._since = clock.monotonic()
        self._at = clock.now() if context.sampled else None

    def seconds(self) -> float:
        """How long it has taken."""
        return self._clock.monotonic() - self._since

    def record(self, name: str, attributes: Attributes, seconds: float) -> None:
        """It is over, and has failed if the attributes name an error. Makes the span of it if its trace is sampled."""
        if self._at is None:
            return
        failed = "error.type" in attributes
        start = int(self._at.timestamp() * _NANOSECONDS)
        self._spans.on_end(
            ReadableSpan(
                name=name,
                context=_span_context(self.context, remote=False),
                parent=_span_context(self._parent, remote=True) if self._parent else None,
                resource=self._resource,
                attributes=attributes,
                links=(Link(_span_context(self._linked, remote=True)),) if self._linked else (),
                kind=_KINDS[self._kind],
                status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
                start_time=start,
                end_time=start + int(seconds * _NANOSECONDS),
                instrumentation_scope=_SCOPE,
            )
        )


class _Call:
    __slots__ = ("_begun", "_histogram", "_key")

    def __init__(self, begun: _Begun, histogram: DurationHistogram, *key: str) -> None:
        """`key`: the method, and further parts of the series' key."""
        self._begun = begun
        self._histogram = histogram
        self._key = key

    def end(self, *, code: str) -> None:
        seconds = self._begun.seconds()
        attributes = self._histogram.record(seconds, code, *self._key)
        self._begun.record(self._key[0], attributes, seconds)


class _Request:
    __slots__ = ("_begun", "_histogram", "_method", "_scheme")

    def __init__(self, begun: _Begun, histogram: DurationHistogram, method: str, scheme: str) -> None:
        self._begun = begun
        self._histogram = histogram
        self._method = method
        self._scheme = scheme

    def end(self, *, route: str, status: int) -> None:
        seconds = self._begun.seconds()
        attributes = self._histogram.record(seconds, status, self._method, self._scheme, route)
        method = "HTTP" if self._method == _OTHER else self._method
        self._begun.record(f"{method} {route}" if route else method, attributes, seconds)


class _Message:
    __slots__ = ("_attributes", "_begun", "_name")

    def __init__(self, begun: _Begun, name: str, attributes: Attributes) -> None:
        self._begun = begun
        self._name = name
        self._attributes = attributes

    def end(self, *, error: str = "") -> None:
        attributes = {**self._attributes, "error.type": error} if error else self._attributes
        self._begun.record(self._name, attributes, self._begun.seconds())


class _Block:
    __slots__ = ("_attributes", "_begun", "_entered", "_failure", "_name")

    def __init__(self, begun: _Begun, name: str, attributes: Attributes, failure: Failure) -> None:
        self._begun = begun
        self._name = name
        self._attributes = attributes
        self._failure = failure
        self._entered: Token[TraceContext | None] | None = None

    def __enter__(self) -> None:
        self._entered = enter(self._begun.context)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._entered is not None:
            leave(self._entered)
        failure = self._failure(error) if error is not None else ""
        attributes = {**self._attributes, "error.type": failure} if failure else self._attributes
        self._begun.record(self._name, attributes, self._begun.seconds())


def _answered(code: str, method: str) -> Attributes:
    attributes = {"rpc.system.name": "grpc", "rpc.method": method, "rpc.response.status_code": code}
    return attributes | {"error.type": code} if code in _SERVER_FAULTS else attributes


def _made(code: str, method: str, peer: str) -> Attributes:
    attributes = {
        "rpc.system.name": "grpc",
        "rpc.method": method,
        "rpc.response.status_code": code,
        # The name that its certificate must be for; where it is reached says less, and changes.
        "server.address": peer,
    }
    # To a caller everything else is a failure.
    return attributes if code == "OK" else attributes | {"error.type": code}


def _requested(status: int, method: str, scheme: str, route: str) -> Attributes:
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "url.scheme": scheme,
        "http.response.status_code": status,
    }
    if route:
        attributes["http.route"] = route
    if status >= 500:
        attributes["error.type"] = str(status)
    return attributes


def _span_context(context: TraceContext, *, remote: bool) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    return SpanContext(trace_id=context.trace_id, span_id=context.span_id, is_remote=remote, trace_flags=flags)
