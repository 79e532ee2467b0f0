"""W3C trace context."""

import pytest

from libs.telemetry.trace_context import current, current_traceparent, enter, leave, new_trace, parse

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
