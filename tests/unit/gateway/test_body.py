"""JSON bodies: what is not exactly what a route takes is refused with the field named, and never answered by a 500."""

import json

import pytest

from services.gateway.edge import body as body_module
from services.gateway.edge.body import MAX_BODY, parse_object, read_nothing, read_object
from services.gateway.edge.problem import Problem
from tests.unit.gateway.requests import request


def parse(body: bytes | str) -> dict[str, object]:
    raw = body.encode() if isinstance(body, str) else body
    return parse_object(raw, required={"address": "string", "password": "string"}, optional={"keep": "boolean"})


def refused(body: bytes | str) -> Problem:
    with pytest.raises(Problem) as caught:
        parse(body)
    problem = caught.value
    assert problem.status == 400
    assert problem.reason == "FIELD_INVALID"
    problem.response()  # it can be told
    return problem


def fields(problem: Problem) -> list[tuple[str, str]]:
    return [(violation.field, violation.description) for violation in problem.violations]


def test_it_takes_exactly_what_was_asked_for() -> None:
    assert parse('{"address": "a@b.example", "password": "\\u00fc\\ud83d\\ude00", "keep": false}') == {
        "address": "a@b.example",
        "password": "ü😀",
        "keep": False,
    }


def test_every_offending_field_is_named() -> None:
    problem = refused('{"address": 7, "keep": "yes", "is_admin": true}')
    assert fields(problem) == [
        ("is_admin", "unknown field"),
        ("password", "required"),
        ("address", "must be a string"),
        ("keep", "must be a boolean"),
    ]


@pytest.mark.parametrize("value", ["null", "1", "1.5", "true", "[]", '["a@b.example", "c@d.example"]', '{"": ""}'])
def test_nothing_is_coerced_to_text(value: str) -> None:
    assert fields(refused(f'{{"address": {value}, "password": "x"}}')) == [("address", "must be a string")]


@pytest.mark.parametrize("value", ["0", "1", '"true"', "null"])
def test_nothing_is_coerced_to_a_boolean(value: str) -> None:
    assert fields(refused(f'{{"address": "a", "password": "x", "keep": {value}}}')) == [("keep", "must be a boolean")]


def test_a_name_given_twice_is_refused_at_any_depth() -> None:
    assert fields(refused('{"address": "a", "address": "b", "password": "x"}')) == [("address", "given twice")]
    assert fields(refused('{"address": {"x": 1, "x": 2}, "password": "x"}')) == [("x", "given twice")]
    assert fields(refused('{"address": "a", "\\u0061ddress": "b", "password": "x"}')) == [("address", "given twice")]


def test_nul_and_unpaired_surrogates_are_refused() -> None:
    assert fields(refused('{"address": "a\\u0000", "password": "x"}')) == [("address", "must not contain NUL")]
    assert fields(refused('{"address": "\\ud800", "password": "x"}')) == [
        ("address", "must not contain unpaired surrogates")
    ]


def test_names_that_cannot_be_written_back_are_still_refused_politely() -> None:
    assert fields(refused('{"\\ud800": 1, "address": "a", "password": "x"}')) == [("?", "unknown field")]
    assert fields(refused('{"\\udfff": 1, "\\udfff": 2}')) == [("?", "given twice")]
    assert fields(refused(json.dumps({"n" * 5000: 1, "address": "a", "password": "x"}))) == [
        ("n" * 64, "unknown field")
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"address": NaN}',
        b'{"address": -Infinity}',
        b'{"address": "a"} {"password": "x"}',
        b'\xef\xbb\xbf{"address": "a", "password": "x"}',
        b'{"address": "\xff", "password": "x"}',
        '{"address": "a", "password": "x"}'.encode("utf-16"),
        b"[" * MAX_BODY,
        b'{"a":' * (MAX_BODY // 5),
        b'{"address": ' + b"9" * 10_000 + b"}",
        b'{"address": 1e99999, "password": "x"}',
        b'{"address": "a\n", "password": "x"}',
    ],
)
def test_what_is_no_json_object_in_utf_8_is_refused(body: bytes) -> None:
    refused(body)


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
async def test_another_media_type_is_refused(media_type: str) -> None:
    # A form of another site can send text/plain without asking the browser; JSON it cannot.
    with pytest.raises(Problem) as caught:
        await read_object(request(headers=[("Content-Type", media_type)], chunks=[b"{}"]), required={})
    assert caught.value.status == 415


async def test_parameters_and_case_of_the_media_type_do_not_matter() -> None:
    asked = request(headers=[("Content-Type", "Application/JSON; charset=utf-8")], chunks=[b'{"a"', b': "b"}'])
    assert await read_object(asked, required={"a": "string"}) == {"a": "b"}


async def test_a_large_body_is_refused_as_it_comes_whatever_was_announced() -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", "10")]
    chunks = [b"x" * 4096] * 1000
    asked = request(headers=headers, chunks=chunks)
    with pytest.raises(Problem) as caught:
        await read_object(asked, required={})
    assert caught.value.status == 413


async def test_a_body_that_does_not_come_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "READ_SECONDS", 0.01)
    silent = request(headers=[("Content-Type", "application/json")], then_silence=True)
    with pytest.raises(Problem) as caught:
        await read_object(silent, required={})
    assert caught.value.status == 408


@pytest.mark.parametrize("chunks", [[b""], [b"{", b"}"]])
async def test_a_call_without_a_body_takes_none_and_an_empty_one(chunks: list[bytes]) -> None:
    await read_nothing(request(method="POST", headers=[("Content-Type", "application/json")], chunks=chunks))


@pytest.mark.parametrize(
    ("media_type", "body", "status"),
    [
        ("application/json", b'{"role": "owner"}', 400),
        ("application/json", b"[]", 400),
        ("text/plain", b"{}", 415),
        ("application/json", b"x" * (MAX_BODY + 1), 413),
    ],
)
async def test_a_call_without_a_body_refuses_what_it_would_pass_over(media_type: str, body: bytes, status: int) -> None:
    with pytest.raises(Problem) as caught:
        await read_nothing(request(method="POST", headers=[("Content-Type", media_type)], chunks=[body]))
    assert caught.value.status == status
