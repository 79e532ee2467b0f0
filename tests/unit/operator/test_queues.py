"""Which events count as late, and which parked records as bad."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.operator.domain.diagnosis import Severity
from services.operator.domain.queues import judge_backlogs, judge_parked
from services.operator.domain.told import Backlog, Clock, Outbox, Parked, Told

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NOTHING = Backlog(consumer="audit", events=0, oldest=None, ahead=False)


def backlog(events: int | None, seconds: float | None = None, *, ahead: bool = False) -> Backlog:
    oldest = None if seconds is None else timedelta(seconds=seconds)
    return Backlog(consumer="audit", events=events, oldest=oldest, ahead=ahead)


def told(
    *backlogs: Backlog,
    unnumbered: int = 0,
    unsent: float | None = None,
    parked: Sequence[Parked] | None = (),
) -> Told:
    return Told(
        clock=Clock(least=timedelta(0), most=timedelta(0)),
        outbox=Outbox(
            unnumbered=unnumbered,
            oldest_unnumbered=None if unsent is None else timedelta(seconds=unsent),
            backlogs=backlogs,
        ),
        parked=parked,
    )


def parked(reason: str, records: int = 1, *, ago: float = 60) -> Parked:
    return Parked(reason=reason, records=records, first_at=NOW, last_at=NOW, last=timedelta(seconds=ago))


def test_events_under_way_are_no_fault() -> None:
    (found,) = judge_backlogs({"session": told(NOTHING), "tenancy": told(NOTHING)})
    assert (found.severity, found.what) == (Severity.OK, "Every event has been taken in.")
    (found,) = judge_backlogs({"session": told(backlog(1234, 59)), "tenancy": told(NOTHING)})
    assert (found.severity, found.what) == (
        Severity.OK,
        "1,234 events under way, none for more than 60 seconds.",
    )


@pytest.mark.parametrize(("seconds", "severity"), [(61, Severity.WARNING), (601, Severity.ERROR)])
def test_what_waits_too_long_is_told_with_who_should_have_it(seconds: float, severity: Severity) -> None:
    (found,) = judge_backlogs({"session": told(backlog(2, seconds), NOTHING), "tenancy": told(NOTHING)})
    assert found.severity is severity
    assert found.what.startswith("session: 2 events not taken in by audit, the oldest for ")
    assert "audit's own log" in found.mend


@pytest.mark.parametrize(("seconds", "severity"), [(61, Severity.WARNING), (601, Severity.ERROR)])
def test_what_was_not_even_sent_is_told_once_and_of_its_source(seconds: float, severity: Severity) -> None:
    late = told(backlog(7, seconds), backlog(7, seconds), unnumbered=7, unsent=seconds)
    (found,) = judge_backlogs({"session": late})
    assert found.severity is severity
    assert found.what.startswith("session: 7 events not sent, the oldest for ")
    assert "session's own log" in found.mend


def test_a_consumer_that_is_behind_what_is_kept_or_ahead_of_what_was_given_is_an_error() -> None:
    (gone,) = judge_backlogs({"session": told(backlog(3, None))})
    (ahead,) = judge_backlogs({"session": told(backlog(0, None, ahead=True))})
    assert (gone.severity, ahead.severity) == (Severity.ERROR, Severity.ERROR)
    assert "nobody keeps" in gone.what
    assert "never numbered" in ahead.what
    assert gone.mend
    assert ahead.mend


def test_what_nobody_told_is_not_known_and_never_all_is_well() -> None:
    silent = told(backlog(None))
    down = Told(clock=silent.clock, outbox=None, parked=None)
    found = judge_backlogs({"session": silent, "tenancy": silent, "identity": down}, missing=["audit"])
    assert [each.severity for each in found] == [Severity.UNKNOWN] * 2
    assert found[0].what == "audit does not say what it has of the events of session, tenancy."
    assert found[1].what == "What waits in the outbox of identity, audit is not known."
    (found_parked,) = judge_parked({"identity": down}, missing=["audit"])
    assert found_parked.severity is Severity.UNKNOWN
    assert "identity, audit" in found_parked.what


@pytest.mark.parametrize(
    ("reasons", "severity"),
    [
        (["forged"], Severity.WARNING),
        (["malformed", "forged"], Severity.WARNING),
        (["malformed", "failed"], Severity.ERROR),
        (["rejected"], Severity.ERROR),
        (["conflict"], Severity.ERROR),
        (["superseded"], Severity.ERROR),
        (["a reason of a later version"], Severity.ERROR),
    ],
)
def test_parked_records_that_a_source_vouches_for_are_worse(reasons: list[str], severity: Severity) -> None:
    found = judge_parked({"audit": told(parked=[parked(reason) for reason in reasons]), "session": told()})
    assert [each.severity for each in found] == [severity]
    assert all(reason in found[0].what for reason in reasons)
    assert found[0].mend


def test_what_failed_names_the_command_that_has_it_taken_in() -> None:
    (found,) = judge_parked({"session": told(parked=[parked("forged"), parked("failed")])})
    assert "wardenry parked retry session" in found.mend
    (found,) = judge_parked({"session": told(parked=[parked("forged"), parked("rejected")])})
    assert "retry" not in found.mend


def test_the_last_one_that_was_parked_is_told() -> None:
    (found,) = judge_parked({"audit": told(parked=[parked("forged", 1000, ago=7200), parked("failed", 2, ago=120)])})
    assert found.what == "audit set 1,002 records aside: 1,000 forged, 2 failed, the last 2 minutes ago."
    (found,) = judge_parked({"audit": told()})
    assert found.severity is Severity.OK
