"""The pages that say how to add something, carried out in a copy of the tree, where all that they promise is green."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from libs.db.schemas import ROOT
from tests.mutants.scratch import ScratchTree
from tests.support.howto import Step, StepMisfit, carry_out, steps_of

PAGES = sorted((ROOT / "docs" / "howto").glob("*.md"))
PYTEST = re.compile(r"^\.venv/bin/python -m pytest -q (.+)$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_that_is_followed_leads_to_green_tests(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    tmp_path.chmod(0o711)  # PostgreSQL may run as another user
    scratch = ScratchTree(tree=ROOT, directory=tmp_path)
    carry_out(steps_of(text), tmp_path)
    if "\nmake protos\n" in text:
        generate(tmp_path)
    tests = [test for line in PYTEST.findall(text) for test in line.split()]
    assert tests
    verdict = scratch.run(tests)
    assert (verdict.failed, verdict.errors) == ((), 0), verdict.output
    # The page brought a test, and it ran.
    assert verdict.passed > 0
    assert any(step.file.startswith("tests/integration/") for step in steps_of(text))


def generate(tree: Path) -> None:
    """`make protos` in the copy, by this environment."""
    path = os.pathsep.join((str(tree), str(tree / "libs" / "sdk")))
    environment = os.environ | {"VIRTUAL_ENV": sys.prefix, "PYTHONPATH": path}
    for made in (["bash", "protos/generate"], [sys.executable, "-m", "services.gateway.description"]):
        subprocess.run(made, cwd=tree, env=environment, check=True, capture_output=True)


@pytest.mark.parametrize(
    "step",
    [
        "In `pyproject.toml`, below `nothing of this`:\n\n```toml\nx\n```\n",
        'In `pyproject.toml`, below `"`:\n\n```toml\nx\n```\n',
        "In `no/such/file.py`, above `x`:\n\n```python\nx\n```\n",
        "New file **pyproject.toml**:\n\n```toml\nx\n```\n",
    ],
)
def test_a_step_that_does_not_fit_is_told(step: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (one,) = steps_of(step)
    with pytest.raises(StepMisfit, match=re.escape(one.file)):
        carry_out([one], tmp_path)


def test_blocks_go_where_they_belong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one\ntwo\ntwo\n")

    def step(place: str, anchor: str, block: str, *, first: bool = False) -> Step:
        return Step(file="file", place=place, anchor=anchor, first=first, block=block)

    carry_out(
        [
            step("above", "one", "zero\n"),
            step("below", "one", "half\n"),
            step("instead of", "two", "2\n", first=True),
            step("end", "", "end\n"),
        ],
        tmp_path,
    )
    assert (tmp_path / "file").read_text() == "zero\none\nhalf\n2\ntwo\nend\n"
