"""Pages that say how to add something, carried out: each block is put where the line before it says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_STEP = re.compile(
    r"^(?:New file \*\*(?P<new>[^*\n]+)\*\*"
    r"|At the end of `(?P<end>[^`\n]+)`"
    r"|In `(?P<file>[^`\n]+)`, (?P<place>above|below|instead of)(?P<first> the first)?"
    r" (?:`` (?P<quoted>.+?) ``|`(?P<anchor>[^`\n]+)`)):\n\n"
    r"```\w*\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class StepMisfit(Exception):
    """A page's step does not fit the tree: its file is there, or is not, or its anchor is not one line of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One block of a page."""

    file: str
    #: "new", "end", or where it goes as seen from the line that holds the anchor: "above", "below", "instead of".
    place: str
    anchor: str
    #: Whether the anchor may be on several lines; the first of them is meant.
    first: bool
    block: str


def steps_of(text: str) -> Sequence[Step]:
    """The steps of a page, in their order."""
    return [
        Step(
            file=(found["new"] or found["end"] or found["file"]).replace("\\_", "_"),
            place=found["place"] or ("new" if found["new"] else "end"),
            anchor=found["anchor"] or found["quoted"] or "",
            first=found["first"] is not None,
            block=found["block"],
        )
        for found in _STEP.finditer(text)
    ]


def carry_out(steps: Sequence[Step], tree: Path) -> None:
    """Does what the steps say in this tree. Raises StepMisfit."""
    for step in steps:
        file = tree / step.file
        if (step.place == "new") == file.exists():
            raise StepMisfit(f"{step.file}: {'is there already' if step.place == 'new' else 'is not there'}")
        if step.place == "new":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step.block)
            if file.suffix == ".py":
                _make_packages(file.parent, tree)
        elif step.place == "end":
            file.write_text(file.read_text() + step.block)
        else:
            file.write_text(_placed(step, file.read_text()))


def _make_packages(directory: Path, tree: Path) -> None:
    """As the pages say: a new directory with Python in it has an empty `__init__.py`."""
    while directory != tree:
        (directory / "__init__.py").touch()
        directory = directory.parent


def _placed(step: Step, text: str) -> str:
    lines = text.splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if step.anchor in line]
    if not found or (len(found) > 1 and not step.first):
        raise StepMisfit(f"{step.file}: {step.anchor!r} is on {len(found)} lines, not on one")
    first = found[0] + (step.place == "below")
    last = found[0] + (step.place != "above")
    return "".join(lines[:first]) + step.block + "".join(lines[last:])
