"""Passwords: how they are brought into one form, and which are too weak."""

import unicodedata
from collections.abc import Sequence

import zxcvbn_rs_py

from services.identity.domain.errors import PasswordWeak

#: 3 of 0 to 4: "safely unguessable", more than 10^8 guesses.
_LEAST_SCORE = 3
#: The estimator looks at this many characters; what follows only makes a password stronger.
_ESTIMATED = 100
_DEFAULT_FEEDBACK = "Use more words, uncommon ones."


def normalised(password: str) -> bytes:
    """The password in NFC (RFC 8265, OpaqueString), so that it is the same from every keyboard; UTF-8."""
    return unicodedata.normalize("NFC", password).encode()


def check_strength(password: str, *, known: Sequence[str]) -> None:
    """Estimates how many guesses the password stands. `known` is what an attacker knows of the person.

    Raises PasswordWeak.
    """
    parts = [part for text in known for part in (text, *text.replace("@", " ").replace(".", " ").split())]
    estimate = zxcvbn_rs_py.zxcvbn(unicodedata.normalize("NFC", password)[:_ESTIMATED], parts)
    if int(estimate.score) >= _LEAST_SCORE:
        return
    feedback = estimate.feedback
    said = [] if feedback is None else [str(each) for each in (feedback.warning, *feedback.suggestions) if each]
    raise PasswordWeak(" ".join(said) or _DEFAULT_FEEDBACK)
