"""How refusals are told over HTTP."""

import json
from datetime import timedelta

import pytest

from services.gateway.edge.problem import Problem, Violation
from wardenry.errors import error as errors
from wardenry.errors.v1 import reason_pb2


def test_a_refusal_of_a_service_keeps_its_reason_violations_and_waiting_time() -> None:
    problem = Problem.of(
        errors.ResourceExhausted(
            "Too many failures.",
            reason=reason_pb2.REASON_AUTHENTICATION_DELAYED,
            violations=[errors.Violation("password", "wrong")],
            retry_after=timedelta(milliseconds=1001),
        )
    )
    response = problem.response()
    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"
    assert response.media_type == "application/problem+json"
    assert json.loads(bytes(response.body)) == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Too many failures.",
        "reason": "AUTHENTICATION_DELAYED",
        "violations": [{"field": "password", "description": "wrong"}],
    }


def test_a_service_that_could_not_say_when_is_asked_again_in_a_second() -> None:
    assert Problem.of(errors.Unavailable("Nobody answers.")).headers() == {"Retry-After": "1"}
    assert Problem.of(errors.NotFound("There is nothing here.")).headers() == {}


@pytest.mark.parametrize("kind", sorted(errors.TYPES.values(), key=str))
def test_every_kind_of_refusal_has_a_status(kind: type[errors.WardenryError]) -> None:
    status = Problem.of(kind("text")).status
    assert (status == 500) == (kind is errors.Internal)


def test_a_wait_of_less_than_a_second_is_a_second() -> None:
    assert Problem(429, "RATE_LIMITED", "x", retry_after=timedelta(0)).headers() == {"Retry-After": "1"}
    assert Problem(400, "FIELD_INVALID", "x", violations=(Violation("a", "b"),)).headers() == {}
