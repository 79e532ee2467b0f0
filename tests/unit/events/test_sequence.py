"""The order of one bucket's records."""

import random

import pytest

from libs.events.position import BEFORE_ALL, Position
from libs.events.record import Record
from libs.events.sequence import sequence
from tests.support.events import record


def numbers(records: list[Record]) -> list[tuple[int, int]]:
    return [(each.position.generation, each.position.number) for each in records]


def test_takes_what_is_next_and_holds_what_is_ahead() -> None:
    found = sequence(Position(1, 2), [record(5, b"f"), record(2, b"c"), record(3, b"d"), record(0, b"a")])
    assert numbers(found.ready) == [(1, 2), (1, 3)]
    assert numbers(found.held) == [(1, 5)]
    assert numbers(found.repeats) == [(1, 0)]
    assert found.expected == Position(1, 4)


def test_the_first_generation_begins_at_its_first_number() -> None:
    assert numbers(sequence(BEFORE_ALL, [record(1, b"b"), record(0, b"a")]).ready) == [(1, 0), (1, 1)]
    assert numbers(sequence(BEFORE_ALL, [record(1, b"b")]).held) == [(1, 1)]


def test_a_higher_generation_supersedes_what_was_held() -> None:
    found = sequence(Position(1, 2), [record(3, b"d"), record(0, b"x", generation=2), record(1, b"y", generation=2)])
    assert numbers(found.ready) == [(2, 0), (2, 1)]
    assert numbers(found.superseded) == [(1, 3)]
    assert found.held == []


def test_a_generation_may_be_skipped() -> None:
    # Restored twice before anybody heard of the first.
    assert numbers(sequence(Position(1, 2), [record(0, b"x", generation=3)]).ready) == [(3, 0)]


def test_equal_copies_are_one_and_unequal_ones_conflict() -> None:
    first = record(0, b"a")
    assert sequence(BEFORE_ALL, [first, first]).conflicts == []
    found = sequence(BEFORE_ALL, [first, record(0, b"b"), record(1, b"c")])
    assert numbers(found.ready) == [(1, 0), (1, 1)]
    assert [each.envelope for each in found.conflicts] == [b"b"]


@pytest.mark.parametrize("seed", range(20))
def test_any_arrival_order_gives_the_same_result(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same throws in every run
    records = [record(n, b"%d" % n) for n in range(30)]
    arrivals = [*records, *dice.sample(records, 10)]
    dice.shuffle(arrivals)
    expected, held, taken = BEFORE_ALL, list[Record](), list[Record]()
    while arrivals:
        batch = [arrivals.pop() for _ in range(min(len(arrivals), dice.randrange(1, 8)))]
        found = sequence(expected, [*held, *batch])
        expected, held = found.expected, found.held
        taken += found.ready
        assert found.conflicts == []
    assert taken == records
    assert held == []
