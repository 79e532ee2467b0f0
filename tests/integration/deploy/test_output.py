"""Where what the local stack says cannot be written, or its home is none."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from libs.db.schemas import ROOT


def status(home: Path, *arguments: str, out: int | IO[str] = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WARDENRY_")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", "status", *arguments],
        cwd=ROOT,
        env=inherited | {"WARDENRY_HOME": str(home)},
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_who_reads_no_further_learns_by_the_exit_code(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = status(tmp_path, *arguments, out=gone)
    assert (done.returncode, done.stderr) == (1, "")


def test_output_that_is_lost_is_told(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = status(tmp_path, "--json", out=full)
    assert (done.returncode, done.stderr) == (74, "Standard output cannot be written: No space left on device.\n")


def test_a_home_that_is_a_file_is_none(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("")
    done = status(home)
    assert (done.returncode, done.stdout) == (1, f"Nothing runs in {home}; start it with: make run\n")
