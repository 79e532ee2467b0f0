"""Passwords: one form, and what is too weak."""

import pytest

from services.identity.domain.errors import PasswordWeak
from services.identity.domain.password import check_strength, normalised


def test_composed_and_decomposed_are_one_password() -> None:
    assert normalised("zoe\u0308") == normalised("zo\u00eb")
    assert normalised("\ufb01") != normalised("fi"), "compatibility forms stay apart"


@pytest.mark.parametrize("password", ["password1234", "aaaaaaaaaaaaaaaa", "qwertyuiop123", "correcthorse"])
def test_what_attackers_try_first_is_weak(password: str) -> None:
    with pytest.raises(PasswordWeak) as refusal:
        check_strength(password, known=())
    assert refusal.value.metadata["feedback"]


def test_what_is_known_of_the_person_counts_for_nothing() -> None:
    password = "augusta.kingston@noel.example"
    check_strength(password, known=())
    with pytest.raises(PasswordWeak):
        check_strength(password, known=(password, "Augusta Kingston"))


def test_a_passphrase_is_strong_and_a_long_one_is_quick() -> None:
    check_strength("correct horse battery staple", known=("ada@example.org",))
    check_strength("correct horse battery staple" * 36, known=("ada@example.org",))
