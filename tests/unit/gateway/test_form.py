"""Forms of pages are read as strictly as JSON."""

import pytest

from services.gateway.edge.problem import Problem
from services.gateway.pages.form import read_form, take
from tests.unit.gateway.requests import request

FORM = [("Content-Type", "application/x-www-form-urlencoded")]


async def read(body: bytes) -> dict[str, str]:
    return await read_form(request(method="POST", headers=FORM, chunks=[body]))


async def test_fields_are_decoded_and_blank_ones_kept() -> None:
    assert await read(b"name=J%C3%BCrgen+K&empty=") == {"name": "Jürgen K", "empty": ""}


@pytest.mark.parametrize(
    "body",
    [b"name=a&name=b", b"name=a%00", b"name", b"name=%ff", b"name=\xff", b"&".join(b"f%d=1" % i for i in range(21))],
)
async def test_what_is_ambiguous_or_unreadable_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        await read(body)
    assert caught.value.status == 400


async def test_another_media_type_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        await read_form(request(method="POST", headers=[("Content-Type", "multipart/form-data; boundary=x")]))
    assert caught.value.status == 415


async def test_a_large_form_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        await read(b"name=" + b"a" * 20_000)
    assert caught.value.status == 413


def test_a_form_has_exactly_its_fields_besides_the_csrf_token() -> None:
    assert take({"csrf_token": "t", "name": "a"}, "name") == {"name": "a"}
    with pytest.raises(Problem) as caught:
        take({"csrf_token": "t", "role": "owner"}, "name")
    assert [(violation.field, violation.description) for violation in caught.value.violations] == [
        ("role", "unknown field"),
        ("name", "required"),
    ]
