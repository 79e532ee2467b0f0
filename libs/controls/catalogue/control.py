"""What a control is: one promise of the product, and what must be observable while it is kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One row of the catalogue."""

    #: A letter for the group and a number: "T2". Never given to another promise.
    id: str
    #: Name of the group.
    group: str
    #: What is promised, in a few words.
    promise: str
    #: What is seen in a running deployment while the promise is kept.
    observable: str
    #: Whether people keep it, not software: by a document, a register or a contract. No probe can see that.
    process: bool = False


#: (id, promise, observable), as a group lists its controls.
Row = tuple[str, str, str]


def controls_of(group: str, rows: tuple[Row, ...], *, processes: frozenset[str] = frozenset()) -> tuple[Control, ...]:
    """The controls of one group. `processes` are the ids of those that people keep."""
    return tuple(
        Control(id=name, group=group, promise=promise, observable=observable, process=name in processes)
        for name, promise, observable in rows
    )
