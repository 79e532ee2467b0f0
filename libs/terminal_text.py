"""Text on its way to a terminal, whoever wrote it."""

import unicodedata

#: Unicode's categories of control and format characters. Terminals take the first as commands, and the second turns
#: text around or hides it.
_COMMANDS = frozenset({"Cc", "Cf"})
_STAND_IN = "\N{REPLACEMENT CHARACTER}"


def harmless(text: str) -> str:
    """The text without what a terminal would carry out instead of showing it. Whoever answers us writes a part of what
    we show, also who is not trusted: the names in its certificate."""
    return "".join(_STAND_IN if unicodedata.category(each) in _COMMANDS else each for each in text)
