"""W3C trace context."""

from contextvars import copy_context

import pytest

from libs.telemetry.trace_context import current, current_traceparent, enter, leave, new_trace, parse, recorded

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_header_is_read_and_written_alike() -> None:
    context = parse(GOOD)
    assert context is not None
    assert context.traceparent() == GOOD
    child = context.child()
    assert (child.trace_id, child.sampled) == (context.trace_id, True)
    assert child.span_id != context.span_id


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        GOOD.upper(),
        GOOD.replace("00-", "ff-", 1),
        GOOD + "-more",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        GOOD.replace("4bf", "zzz"),
        GOOD.replace("-01", "-1"),
    ],
)
def test_a_malformed_header_starts_a_new_trace(header: str) -> None:
    assert parse(header) is None


def test_a_later_version_may_say_more() -> None:
    assert parse("01" + GOOD[2:] + "-more") is not None


def test_the_coin_decides_about_new_traces() -> None:
    assert not any(new_trace(ratio=0.0).sampled for _ in range(100))
    assert all(new_trace(ratio=1.0).sampled for _ in range(100))


def test_a_task_knows_its_place_until_it_leaves() -> None:
    context = new_trace(ratio=0.0)
    token = enter(context)
    assert (current(), current_traceparent()) == (context, context.traceparent())
    leave(token)
    assert current_traceparent() is None


def test_a_position_can_be_left_by_another_task_than_entered_it() -> None:
    token = copy_context().run(enter, new_trace(ratio=0.0))
    here = enter(mine := new_trace(ratio=0.0))
    leave(token)
    assert current() == mine
    leave(here)


def test_a_derived_position_is_the_same_whenever_it_is_asked_for() -> None:
    context = new_trace(ratio=1.0)
    derived = context.derived(b"one")
    assert derived == context.derived(b"one")
    assert (derived.trace_id, derived.sampled) == (context.trace_id, True)
    assert len({context.span_id, derived.span_id, context.derived(b"two").span_id}) == 3


@pytest.mark.parametrize(
    ("traceparent", "is_recorded"),
    [(GOOD, True), (GOOD[:-1] + "0", False), (GOOD[:-1] + "3", True), (GOOD[:-2] + "11", True), (None, False)],
)
def test_events_tell_whether_their_trace_is_sampled(traceparent: str | None, is_recorded: bool) -> None:
    assert (recorded(traceparent) is not None) == is_recorded


@pytest.mark.parametrize("text", ["", "1", "00-1", GOOD.replace("4bf", "zzz")])
def test_what_is_no_trace_context_is_not_recorded(text: str) -> None:
    assert recorded(text) is None
