"""Text on its way to a terminal, whoever wrote it."""

import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

#: Unicode's categories of control and format characters. Terminals take the first as commands, and the second turns
#: text around or hides it.
_COMMANDS = frozenset({"Cc", "Cf"})
_STAND_IN = "\N{REPLACEMENT CHARACTER}"


class OutputLost(Exception):
    """Standard output does not take what is written. The text says why, one line for people."""


def harmless(text: str) -> str:
    """The text without what a terminal would carry out instead of showing it. Whoever answers us writes a part of what
    we show, also who is not trusted: the names in its certificate."""
    return "".join(_STAND_IN if unicodedata.category(each) in _COMMANDS else each for each in text)


@contextmanager
def written() -> Iterator[None]:
    """What is written to standard output within arrives. Where somebody has read enough, as behind `| head`, nothing is
    raised: the exit code says all the same what was found. Raises OutputLost where it is lost, as on a full disk."""
    try:
        yield
        if sys.stdout is not None:  # else closed before we began
            sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            raise OutputLost(f"Standard output cannot be written: {error.strerror}.") from error
