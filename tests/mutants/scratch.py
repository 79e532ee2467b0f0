"""A copy of the tree in which guards are taken away, and the tests that run in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.mutants.registry import Mutant

#: What the tests need; nothing else is copied.
COPIED = (
    *("deploy", "docs", "libs", "protos", "services", "tests"),
    *("pyproject.toml", "Makefile", "README.md", "SECURITY.md"),
)
#: Seconds for the tests of one mutant.
LONGEST = 300


class PatchMisfit(Exception):
    """The guard's text is not in its file exactly once: it was rewritten, and the registry was not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run of tests ended."""

    failed: tuple[str, ...]
    #: Tests that could not run, or no result at all: nothing is known then.
    errors: int
    passed: int
    output: str


def without_guard(mutant: Mutant, text: str) -> str:
    """The file's text without the guard. Raises PatchMisfit."""
    if text.count(mutant.guard) != 1:
        raise PatchMisfit(f"{mutant.name}: the guard is {text.count(mutant.guard)} times in {mutant.file}, not once")
    return text.replace(mutant.guard, mutant.instead)


class ScratchTree:
    """The copy. The tree itself is only read."""

    def __init__(self, *, tree: Path, directory: Path) -> None:
        self._directory = directory
        for name in COPIED:
            if (tree / name).is_dir():
                shutil.copytree(tree / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif (tree / name).exists():
                shutil.copy2(tree / name, directory / name)

    def run(self, tests: Sequence[str]) -> Verdict:
        """The tests, as the copy stands."""
        report = self._directory / "report.xml"
        report.unlink(missing_ok=True)
        # Whatever the environment's installation points to, modules are the copy's.
        path = os.pathsep.join((str(self._directory), str(self._directory / "libs" / "sdk")))
        options = ["-q", "-p", "no:cacheprovider", f"--junit-xml={report}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=self._directory,
            env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        return verdict(report, done.stdout + done.stderr)

    def run_without(self, mutant: Mutant) -> Verdict:
        """The mutant's tests without its guard, which is put back afterwards. Raises PatchMisfit."""
        file = self._directory / mutant.file
        text = file.read_text()
        file.write_text(without_guard(mutant, text))
        try:
            return self.run(mutant.tests)
        finally:
            file.write_text(text)


def verdict(report: Path, output: str) -> Verdict:
    """What a JUnit report says. One that is absent is an error."""
    if not report.exists():
        return Verdict(failed=(), errors=1, passed=0, output=output)
    cases = ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314 - written by the run above
    failed, errors, passed = [], 0, 0
    for case in cases:
        if case.find("failure") is not None:
            failed.append(case.attrib["name"])
        elif case.find("error") is not None:
            errors += 1
        elif case.find("skipped") is None:
            passed += 1
    return Verdict(failed=tuple(failed), errors=errors, passed=passed, output=output)
