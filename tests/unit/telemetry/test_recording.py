"""Spans and durations by OpenTelemetry's conventions, and nothing for what is not sampled."""

import pytest

from libs.telemetry.durations import BOUNDARIES
from libs.telemetry.observer import Kind
from libs.telemetry.trace_context import TraceContext, current, enter, leave
from tests.support.clock import HeldClock
from tests.support.spans import KeepingObserver

SAMPLED = TraceContext(trace_id=7, span_id=1, sampled=True)
UNSAMPLED = TraceContext(trace_id=8, span_id=2, sampled=False)


def type_of(error: BaseException) -> str:
    return type(error).__name__


def test_a_sampled_call_becomes_a_span_and_every_call_is_measured() -> None:
    clock = HeldClock()
    observer = KeepingObserver(clock=clock)
    recorded = observer.server_call("/a.B/C", SAMPLED.child(), SAMPLED)
    clock.advance(0.02)
    recorded.end(code="OK")
    observer.server_call("/a.B/C", UNSAMPLED, None).end(code="OK")
    (span,) = observer.kept
    assert (span.name, span.kind, span.trace_id, span.parent_id) == ("a.B/C", "SERVER", 7, 1)
    assert span.values == {"rpc.system.name": "grpc", "rpc.method": "a.B/C", "rpc.response.status_code": "OK"}
    assert span.took == pytest.approx(20_000_000, abs=1)
    (metric,) = observer.metrics()
    assert (metric.name, metric.unit) == ("rpc.server.call.duration", "s")
    (series,) = observer.series("rpc.server.call.duration")
    assert (series.count, series.explicit_bounds) == (2, BOUNDARIES)


@pytest.mark.parametrize(
    ("code", "server", "client"),
    [("OK", False, False), ("PERMISSION_DENIED", False, True), ("INTERNAL", True, True), ("CANCELLED", False, True)],
)
def test_what_counts_as_a_failure_depends_on_the_side(code: str, server: bool, client: bool) -> None:
    observer = KeepingObserver()
    observer.server_call("/a.B/C", SAMPLED.child(), SAMPLED).end(code=code)
    observer.client_call("/a.B/C", "identity", SAMPLED.child(), SAMPLED).end(code=code)
    answered, made = observer.kept
    assert (answered.failed, made.failed) == (server, client)
    assert (answered.values.get("error.type"), made.values.get("error.type")) == (
        code if server else None,
        code if client else None,
    )
    assert (made.kind, made.values["server.address"]) == ("CLIENT", "identity")


@pytest.mark.parametrize(
    ("method", "route", "status", "name", "failed"),
    [
        ("GET", "/w/{slug}", 200, "GET /w/{slug}", False),
        ("GET", "", 404, "GET", False),
        ("BREW", "/w/{slug}", 405, "HTTP /w/{slug}", False),
        ("POST", "/w/{slug}", 503, "POST /w/{slug}", True),
    ],
)
def test_a_request_is_named_by_its_route(method: str, route: str, status: int, name: str, failed: bool) -> None:
    observer = KeepingObserver()
    observer.request(method, "https", SAMPLED, None).end(route=route, status=status)
    (span,) = observer.kept
    assert (span.name, span.kind, span.parent_id, span.failed) == (name, "SERVER", 0, failed)
    assert span.values["http.request.method"] == (method if method != "BREW" else "_OTHER")
    assert span.values["http.response.status_code"] == status
    assert span.values.get("error.type") == (str(status) if failed else None)
    assert observer.series("http.server.request.duration")[0].attributes == span.values


def test_a_block_is_inside_the_running_span_and_what_it_does_is_inside_it() -> None:
    observer = KeepingObserver()
    entered = enter(SAMPLED)
    with observer.span("outer", Kind.CLIENT, {"db.namespace": "x"}, type_of):
        outer = current()
        with observer.span("inner", Kind.CLIENT, {}, type_of):
            pass
        assert current() == outer
    assert current() == SAMPLED
    leave(entered)
    inner, around = observer.kept
    assert (around.name, around.parent_id, around.values) == ("outer", SAMPLED.span_id, {"db.namespace": "x"})
    assert (inner.name, inner.parent_id, inner.trace_id) == ("inner", around.span_id, SAMPLED.trace_id)


def test_a_failed_block_is_named_by_its_failure_unless_that_is_none_of_its_own() -> None:
    observer = KeepingObserver()
    entered = enter(SAMPLED)
    for failure in (type_of, lambda _: ""):
        with pytest.raises(LookupError), observer.span("block", Kind.CLIENT, {}, failure):
            raise LookupError("ana@example.com")
    leave(entered)
    failed, rolled_back = observer.kept
    assert (failed.failed, failed.values) == (True, {"error.type": "LookupError"})
    assert (rolled_back.failed, rolled_back.values) == (False, {})


@pytest.mark.parametrize("position", [None, UNSAMPLED])
def test_outside_of_a_sampled_trace_a_block_makes_nothing(position: TraceContext | None) -> None:
    observer = KeepingObserver()
    entered = enter(position) if position else None
    with observer.span("block", Kind.CLIENT, {}, type_of):
        assert current() == position
    if entered:
        leave(entered)
    assert observer.kept == []


def test_a_message_that_is_dropped_is_not_recorded() -> None:
    observer = KeepingObserver()
    observer.message("send", Kind.PRODUCER, SAMPLED.child(), SAMPLED, {})
    assert observer.kept == []
    observer.message("send", Kind.PRODUCER, SAMPLED.child(), SAMPLED, {}).end(error="rejected")
    (span,) = observer.kept
    assert (span.kind, span.parent_id, span.failed) == ("PRODUCER", SAMPLED.span_id, True)
    assert span.values == {"error.type": "rejected"}
