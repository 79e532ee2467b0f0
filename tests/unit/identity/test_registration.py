"""Codes."""

from libs.ids import SystemEntropy
from services.identity.domain.registration import Applicant, new_code


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
