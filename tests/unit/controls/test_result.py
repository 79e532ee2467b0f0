"""What an examination amounts to."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from libs.controls.examined import Examined, Finding, together
from libs.controls.message import examined_of, message_of
from libs.controls.result import NOTHING_SEEN, Result, Verdict

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
FINDING = Finding("entry", "audit_runtime may UPDATE it")


def result_of(examined: Examined) -> Result:
    return Result.of("T2", examined, started_at=NOW, finished_at=NOW + timedelta(seconds=1), prober="operator")


@pytest.mark.parametrize(
    ("examined", "verdict"),
    [
        (Examined(facts=("3 tables",)), Verdict.KEPT),
        (Examined(facts=("3 tables",), findings=(FINDING,)), Verdict.BROKEN),
        (Examined(facts=("3 tables",), unknown=("audit does not answer",)), Verdict.UNKNOWN),
        (Examined(findings=(FINDING,), unknown=("audit does not answer",)), Verdict.BROKEN),
        (Examined(), Verdict.UNKNOWN),
    ],
)
def test_a_verdict_is_kept_only_where_everything_was_seen_and_is_right(examined: Examined, verdict: Verdict) -> None:
    assert result_of(examined).verdict is verdict


def test_who_saw_nothing_says_so() -> None:
    assert result_of(Examined()).unknown == (NOTHING_SEEN,)


def test_several_examinations_are_one() -> None:
    one = Examined(facts=("a",), figures={"tables": 3, "policies": 4}, exhibits={"token": b"x"})
    other = Examined(facts=("b",), findings=(FINDING,), unknown=("c",), figures={"tables": 5})
    assert together([one, other]) == Examined(
        facts=("a", "b"),
        findings=(FINDING,),
        unknown=("c",),
        figures={"tables": 8, "policies": 4},
        exhibits={"token": b"x"},
    )


def test_an_examination_travels_whole() -> None:
    examined = Examined(
        facts=("a", "b"), findings=(FINDING,), unknown=("c",), figures={"tables": 3}, exhibits={"log": b"\x00\xff"}
    )
    assert examined_of(message_of(examined)) == examined


def test_a_result_is_json() -> None:
    written = json.loads(json.dumps(result_of(Examined(facts=("a",), findings=(FINDING,), unknown=("c",))).as_json()))
    assert written == {
        "control": "T2",
        "verdict": "BROKEN",
        "evidence": ["a"],
        "findings": [{"where": "entry", "what": "audit_runtime may UPDATE it"}],
        "unknown": ["c"],
        "started_at": "2031-05-06T07:08:09+00:00",
        "finished_at": "2031-05-06T07:08:10+00:00",
        "prober": "operator",
    }
