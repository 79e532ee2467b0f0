"""Noticing that a consumer waits in vain."""

from libs.events.position import Position
from libs.outbox.stalls import Stalls

HEADS = {0: Position(1, 10), 1: Position(1, 0)}


def test_a_cursor_that_moves_is_left_alone() -> None:
    stalls = Stalls(after=3)
    for second in range(10):
        assert stalls.stalled({0: Position(1, second)}, HEADS, now=float(second)) == {}


def test_a_cursor_that_stands_still_behind_the_head_is_helped_ever_later() -> None:
    stalls = Stalls(after=3)
    helped = [second for second in range(40) if stalls.stalled({0: Position(1, 4)}, HEADS, now=float(second))]
    assert helped == [3, 9, 21]


def test_a_consumer_that_has_never_taken_anything_is_helped_from_the_beginning() -> None:
    stalls = Stalls(after=3)
    assert stalls.stalled({}, HEADS, now=0) == {}
    assert stalls.stalled({}, HEADS, now=3) == {0: Position(0, 0)}


def test_a_cursor_at_the_head_or_an_empty_bucket_never_stalls() -> None:
    stalls = Stalls(after=3)
    for second in range(10):
        assert stalls.stalled({0: Position(1, 10)}, HEADS, now=float(second)) == {}


def test_a_cursor_of_an_older_generation_stalls() -> None:
    stalls = Stalls(after=3)
    heads = {0: Position(2, 1)}
    assert stalls.stalled({0: Position(1, 50)}, heads, now=0) == {}
    assert stalls.stalled({0: Position(1, 50)}, heads, now=3) == {0: Position(1, 50)}
