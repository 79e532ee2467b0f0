"""How far a check is, for whoever waits for it at a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

#: Is told in one short line what is under way. The line before it is over.
Progress = Callable[[str], None]


def unseen(text: str) -> None:
    """Nobody looks on."""


def after(words: str, progress: Progress) -> Progress:
    """The same, with these words before whatever is told."""
    return lambda text: progress(words + text)


@contextmanager
def shown_on(out: TextIO) -> Iterator[Progress]:
    """Shows on a terminal the line that was told last, until the end of the block; elsewhere nothing."""
    if not out.isatty():
        yield unseen
        return

    def show(text: str) -> None:
        out.write(f"\r\x1b[K{text}")
        out.flush()

    try:
        yield show
    finally:
        show("")
