"""What a wrong command line is told, in our words and not in those of the library that found it."""

import re
from typing import Any, Final

import typer
from typer.core import TyperGroup

_PLAIN: Final = (
    (re.compile(r"^Value error, "), ""),
    (re.compile(r"^Input should be a valid integer.*"), "a whole number is expected"),
    (re.compile(r"^Input should be greater than or equal to (\S+)$"), r"at least \1 is expected"),
    (re.compile(r"^Input should be less than or equal to (\S+)$"), r"at most \1 is expected"),
)


class PlainUsage(TyperGroup):
    """Whatever command below it is called with a value that it cannot take."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = plain(error.message)
            raise


def plain(text: str) -> str:
    """The text as a person would say it; one that is not known here stays as it is."""
    for pattern, instead in _PLAIN:
        text = pattern.sub(instead, text)
    return text
