"""Whether events get where they should: what waits too long, and what was set aside."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from services.operator.domain.diagnosis import Diagnosis, Severity
from services.operator.domain.durations import age
from services.operator.domain.told import Backlog, Outbox, Parked, Told

#: An event is taken in within a second. One that waits longer than this is told of; longer still, it is an error.
LONG: Final = timedelta(minutes=1)
VERY_LONG: Final = timedelta(minutes=10)

_BACKLOG, _PARKED = "backlog", "parked"
#: The reason of what can be taken in again.
_FAILED = "failed"
_LOOK = "wardenry parked list shows them; docs/operations/operator.md says what then."
_RETRY = "Once what made them fail is mended: wardenry parked retry {}; docs/operations/events-that-failed.md."


def judge_backlogs(told: Mapping[str, Told], *, missing: Sequence[str] = ()) -> list[Diagnosis]:
    """Whether the events of each service are taken in by all who should. `missing` are the services that did not tell,
    beside those whose database did not answer."""
    found: list[Diagnosis] = []
    silent: dict[str, list[str]] = {}
    unread = [*(service for service, each in told.items() if each.outbox is None), *missing]
    for service, each in told.items():
        if each.outbox is None:
            continue
        found += _of_outbox(service, each.outbox)
        for backlog in each.outbox.backlogs:
            if backlog.events is None:
                silent.setdefault(backlog.consumer, []).append(service)
    for consumer, sources in silent.items():
        found.append(_unknown(_BACKLOG, f"{consumer} does not say what it has of the events of {', '.join(sources)}."))
    if unread:
        found.append(_unknown(_BACKLOG, f"What waits in the outbox of {', '.join(unread)} is not known."))
    return found or [Diagnosis(check=_BACKLOG, severity=Severity.OK, what=_under_way(told))]


def _under_way(told: Mapping[str, Told]) -> str:
    waiting = sum(
        max((backlog.events or 0 for backlog in each.outbox.backlogs), default=0)
        for each in told.values()
        if each.outbox is not None
    )
    if not waiting:
        return "Every event has been taken in."
    return f"{_events(waiting)} under way, none for more than {LONG.total_seconds():.0f} seconds."


def _of_outbox(service: str, outbox: Outbox) -> Iterator[Diagnosis]:
    unsent = outbox.oldest_unnumbered
    if unsent is not None and unsent > LONG:
        what = f"{service}: {_events(outbox.unnumbered)} not sent, the oldest for {age(unsent)}."
        yield _late(unsent, what, f"Look whether the broker runs; {service}'s own log says what it waits for.")
    for backlog in outbox.backlogs:
        if backlog.ahead:
            yield Diagnosis(
                check=_BACKLOG,
                severity=Severity.ERROR,
                what=f"{backlog.consumer} has taken in events of {service} that {service}'s database never numbered.",
                mend=f"{service}'s database was restored: its event numbers need a new generation.",
            )
        # What was not sent is told already; it waits at every consumer.
        elif backlog.events and (unsent is None or unsent <= LONG):
            yield from _of_consumer(service, backlog)


def _of_consumer(service: str, backlog: Backlog) -> Iterator[Diagnosis]:
    events = backlog.events or 0
    if backlog.oldest is None:
        yield Diagnosis(
            check=_BACKLOG,
            severity=Severity.ERROR,
            what=f"{service}: {_events(events)} that {backlog.consumer} lacks, and that nobody keeps any more.",
            mend=f"{backlog.consumer}'s database is new, or was restored from before the recovery window.",
        )
    elif backlog.oldest > LONG:
        what = f"{service}: {_events(events)} not taken in by {backlog.consumer}, the oldest for {age(backlog.oldest)}."
        yield _late(
            backlog.oldest, what, f"Look whether the broker runs; {backlog.consumer}'s own log says what it waits for."
        )


def judge_parked(told: Mapping[str, Told], *, missing: Sequence[str] = ()) -> list[Diagnosis]:
    """Whether any service set records aside; `missing` as above. What its source vouches for may be an event that is
    in no log."""
    unread = [*(service for service, each in told.items() if each.parked is None), *missing]
    found = [_of_parked(service, each.parked) for service, each in told.items() if each.parked]
    if unread:
        found.append(_unknown(_PARKED, f"What {', '.join(unread)} parked is not known."))
    return found or [Diagnosis(check=_PARKED, severity=Severity.OK, what="No record is set aside.")]


def _of_parked(service: str, parked: Sequence[Parked]) -> Diagnosis:
    total = sum(each.records for each in parked)
    reasons = ", ".join(f"{each.records:,} {each.reason}" for each in parked)
    last = min(each.last for each in parked)
    return Diagnosis(
        check=_PARKED,
        severity=Severity.WARNING if all(each.unverified for each in parked) else Severity.ERROR,
        what=f"{service} set {total:,} record{'' if total == 1 else 's'} aside: {reasons}, the last {age(last)} ago.",
        mend=_RETRY.format(service) if any(each.reason == _FAILED for each in parked) else _LOOK,
    )


def _events(count: int) -> str:
    return f"{count:,} event{'' if count == 1 else 's'}"


def _late(waited: timedelta, what: str, mend: str) -> Diagnosis:
    severity = Severity.ERROR if waited > VERY_LONG else Severity.WARNING
    return Diagnosis(check=_BACKLOG, severity=severity, what=what, mend=mend)


def _unknown(check: str, what: str) -> Diagnosis:
    return Diagnosis(check=check, severity=Severity.UNKNOWN, what=what)
