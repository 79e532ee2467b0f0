"""What is installed, and that the page lists what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from libs.db.schemas import ROOT

INSTALLED = Path(sys.executable).parent / "wardenry"
README = ROOT / "services" / "operator" / "README.md"


def names(help_text: str) -> list[str]:
    """The commands that a help page lists."""
    return re.findall(r"^  ([a-z]+)  ", help_text.partition("Commands:\n")[2], re.MULTILINE)


def helped(*arguments: str, at: Path) -> str:
    done = subprocess.run(
        [str(INSTALLED), *arguments, "--help"], cwd=at, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(autouse=True)
def _installed() -> None:
    if not INSTALLED.exists():
        pytest.skip("this Python is not the environment that make .venv makes, where the command is installed")


def test_it_runs_in_any_directory_and_imports_nothing_from_it(tmp_path: Path) -> None:
    for name in ("services", "typer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise AssertionError('imported from where it was called')")
    text = helped(at=tmp_path)
    assert "operator.env" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("parked retry nobody", "Invalid value for 'consumer': 'nobody' is not one of 'session', 'audit'."),
        ("calibrate --target-ms much", "Invalid value for '--target-ms': a whole number is expected"),
        ("calibrate --target-ms 0", "Invalid value for '--target-ms': at least 1 is expected"),
        ("calibrate --target-ms 9999", "Invalid value for '--target-ms': at most 2000 is expected"),
        ("statos", "No such command 'statos'. Did you mean 'status'?"),
    ],
)
def test_a_wrong_command_line_is_told_in_plain_words(line: str, told: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(INSTALLED), *line.split()], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"Error: {told}"


def test_the_page_lists_every_command(tmp_path: Path) -> None:
    listed = re.findall(r"^\| `wardenry ([a-z ]+)` \|", README.read_text(), re.MULTILINE)
    groups = {each.split()[0] for each in listed if " " in each}
    found = [each for each in names(helped(at=tmp_path)) if each not in groups]
    found += [f"{group} {each}" for group in groups for each in names(helped(group, at=tmp_path))]
    assert sorted(listed) == sorted(found)
