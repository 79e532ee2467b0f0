"""Several examinations of one control."""

import pytest

from libs.controls.examination import Several
from libs.controls.examined import Examined, Finding

FINDING = Finding("entry", "audit_runtime may UPDATE leaf")


async def finds() -> Examined:
    return Examined(facts=("tried",), findings=(FINDING,))


async def fails() -> Examined:
    raise ZeroDivisionError("with the text of something secret")


async def test_what_one_finds_stands_whatever_becomes_of_the_other(caplog: pytest.LogCaptureFixture) -> None:
    examined = await Several(fails, finds)()
    assert (examined.facts, examined.findings) == (("tried",), (FINDING,))
    assert examined.unknown == ("a part was not examined: ZeroDivisionError",)
    assert "a part of an examination failed" in caplog.text
