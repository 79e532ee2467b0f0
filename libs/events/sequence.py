"""Putting one bucket's records in order: which are next, which came before, which have to wait."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter

from libs.events.position import Position
from libs.events.record import Record


@dataclass(slots=True, kw_only=True)
class Sequence:
    """What to do with the records of one bucket, given where its consumer stands."""

    #: Where the consumer stands once `ready` is taken in.
    expected: Position
    #: The next ones, in order, without a gap.
    ready: list[Record] = field(default_factory=list)
    #: Behind the cursor: taken in before, or of a generation that is over.
    repeats: list[Record] = field(default_factory=list)
    #: Ahead of a gap.
    held: list[Record] = field(default_factory=list)
    #: Another record with the same number, and other bytes, is among `ready` or `held`.
    conflicts: list[Record] = field(default_factory=list)
    #: Were held when a new generation began, so that what is missing before them will not come.
    superseded: list[Record] = field(default_factory=list)


def sequence(expected: Position, records: Iterable[Record]) -> Sequence:
    """Sorts the records of one bucket against the cursor `expected`. Equal copies are dropped.

    A generation above the cursor's begins with its number 0, whatever is missing of the one before: the source was
    restored, and what it still has of that one it has numbered again.
    """
    result = Sequence(expected=expected)
    previous: Record | None = None
    for record in sorted(records, key=attrgetter("position")):
        if previous is not None and record.position == previous.position:
            if record != previous:
                result.conflicts.append(record)
            continue
        previous = record
        if record.position < result.expected:
            result.repeats.append(record)
        elif record.position == result.expected:
            _take(result, record)
        elif record.position.generation > result.expected.generation and record.position.number == 0:
            result.superseded += result.held
            result.held = []
            _take(result, record)
        else:
            result.held.append(record)
    return result


def _take(result: Sequence, record: Record) -> None:
    result.ready.append(record)
    result.expected = record.position.next()
