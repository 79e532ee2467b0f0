"""Codes and names."""

import pytest

from libs.ids import SystemEntropy
from services.identity.domain.errors import NameInvalid
from services.identity.domain.registration import Applicant, checked_name, new_code


class Zeros:
    def bytes(self, size: int) -> bytes:
        return bytes(size)


def test_a_code_has_eight_digits_whatever_is_drawn() -> None:
    assert new_code(Zeros()) == "00000000"
    codes = {new_code(SystemEntropy()) for _ in range(1000)}
    assert all(len(code) == 8 and code.isascii() and code.isdigit() for code in codes)
    assert len(codes) > 990


def test_an_applicant_survives_the_store() -> None:
    applicant = Applicant(address="zo\u00eb@example.org", display_name='"\\\u2028', password_hash="$2b$")
    assert Applicant.from_bytes(applicant.to_bytes()) == applicant
    assert "example" not in repr(applicant)


@pytest.mark.parametrize("name", [" Zo\u00eb ", "Zoe\u0308", "\u5c71\u7530\u3000\u592a\u90ce", "=1+1"])
def test_a_name_is_anything_that_can_be_shown(name: str) -> None:
    assert checked_name(name) in ("Zo\u00eb", name)


@pytest.mark.parametrize("name", [" ", "a" * 129, "a\r\nX: b", "\x1b]0;a\x07", "\u202egnp.exe", "a\u2028b", "\u200b"])
def test_a_name_that_would_forge_what_is_around_it_is_refused(name: str) -> None:
    with pytest.raises(NameInvalid) as refused:
        checked_name(name)
    assert refused.value.violations[0].field == "display_name"
